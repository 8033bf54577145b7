// The one unit that holds fmt's code; see format.h.
#define FMT_HEADER_ONLY 1
#include "core/base/format.h"

#include <fmt/format.h>

namespace lamella::detail {

std::string vformat(fmt::string_view format, fmt::format_args arguments) {
  return fmt::vformat(format, arguments);
}

std::size_t vformat_to_n(char* out, std::size_t room, fmt::string_view format,
                         fmt::format_args arguments) noexcept {
  return fmt::vformat_to_n(out, room, format, arguments).size;
}

}  // namespace lamella::detail
