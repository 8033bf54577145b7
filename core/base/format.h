// Formatting of messages: fmt's checked format strings, with the formatting itself in one unit.
//
// fmt is used header-only, so that a static liblamella needs nothing at link time. Included
// everywhere, it leaves some 100 kB of its code in every unit; here only its core is.
#ifndef LAMELLA_CORE_BASE_FORMAT_H_
#define LAMELLA_CORE_BASE_FORMAT_H_

#include <cstddef>
#include <string>
#include <utility>

#include <fmt/core.h>

namespace lamella::detail {

std::string vformat(fmt::string_view format, fmt::format_args arguments);
std::size_t vformat_to_n(char* out, std::size_t room, fmt::string_view format,
                         fmt::format_args arguments) noexcept;

/// The text of `format` with its fields replaced; a format that does not fit the arguments does not
/// compile.
template <class... Args>
std::string formatted(fmt::format_string<Args...> format, Args&&... args) {
  return detail::vformat(format, fmt::make_format_args(args...));
}

/// As formatted, into memory: writes at most `room` characters, and returns how many there would
/// be. Allocates nothing.
template <class... Args>
std::size_t formatted_to_n(char* out, std::size_t room, fmt::format_string<Args...> format,
                           Args&&... args) noexcept {
  return detail::vformat_to_n(out, room, format, fmt::make_format_args(args...));
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_FORMAT_H_
