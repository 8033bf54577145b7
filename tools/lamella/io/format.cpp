// The one unit that holds fmt's code; see format.h.
#define FMT_HEADER_ONLY 1
#include "tools/lamella/io/format.h"

#include <fmt/format.h>

namespace lamella::cli {

std::string vformat(fmt::string_view format, fmt::format_args arguments) {
  return fmt::vformat(format, arguments);
}

}  // namespace lamella::cli
