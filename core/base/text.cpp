// Small pieces of error messages; see text.h.
#include "core/base/text.h"

#include <algorithm>

#include "core/base/format.h"

namespace lamella::detail {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string out = "'";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += formatted("\\x{:02x}", byte);
    else
      out += c;
  }
  return out + (text.size() > kLongest ? "...'" : "'");
}

std::string quoted_list(std::span<const std::string> items) {
  constexpr std::size_t kMost = 20;
  std::string out;
  for (const std::string& item : items.first(std::min(items.size(), kMost)))
    out += (out.empty() ? "" : ", ") + in_quotes(item);
  if (items.size() > kMost) out += formatted(", ... ({} in all)", items.size());
  return out;
}

}  // namespace lamella::detail
