// Formatting of text: fmt's checked format strings, with the formatting itself in one unit.
//
// fmt is used header-only, so that the tool needs nothing at link time. Whole, it takes a compiler
// seconds in every unit that includes it; here only its core is.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_FORMAT_H_
#define LAMELLA_TOOLS_LAMELLA_IO_FORMAT_H_

#include <string>
#include <string_view>

#include <fmt/core.h>

namespace lamella::cli {

std::string vformat(fmt::string_view format, fmt::format_args arguments);

/// The text of `format` with its fields replaced; a format that does not fit the arguments does not
/// compile.
template <class... Args>
std::string formatted(fmt::format_string<Args...> format, Args&&... args) {
  return cli::vformat(format, fmt::make_format_args(args...));
}

/// The items as formatted("{}") gives them, with the separator between each two.
template <class Items>
std::string joined(const Items& items, std::string_view separator) {
  std::string text;
  bool first = true;
  for (const auto& item : items) {
    if (!first) text += separator;
    text += formatted("{}", item);
    first = false;
  }
  return text;
}

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_FORMAT_H_
