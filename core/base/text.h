// Small pieces of error messages: quoted input, shapes, lists that stay readable when long.
#ifndef LAMELLA_CORE_BASE_TEXT_H_
#define LAMELLA_CORE_BASE_TEXT_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lamella::detail {

/// `text` in quotes, shortened, and with control characters escaped.
std::string in_quotes(std::string_view text);

/// The items in quotes, separated by commas. A long list is cut, and the total number added.
std::string quoted_list(std::span<const std::string> items);

/// "60000 x 28 x 28".
template <class Shape>
std::string shape_text(const Shape& shape) {
  std::string text;
  for (const auto dimension : shape)
    text += (text.empty() ? "" : " x ") + std::to_string(dimension);
  return text.empty() ? "no dimensions" : text;
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_TEXT_H_
