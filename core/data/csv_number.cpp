// The text of numbers; see csv_number.h.
#include "core/data/csv_number.h"

namespace lamella::detail {
namespace {

// Whether a number (well-formed, and out of double's range) is too small and not too large.
bool is_underflow(std::string_view text) {
  const std::size_t e = text.find_first_of("eE");
  const std::string_view digits = text.substr(0, e);
  // The decimal exponent of the first digit that is not 0.
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return true;  // zero, whatever the exponent
  auto exponent = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (e != std::string_view::npos) {
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const std::optional<std::int64_t> value = parse_integer<std::int64_t>(power);
    constexpr std::int64_t kFar = std::int64_t{1} << 40;  // beyond any number of digits
    exponent += value ? std::clamp(*value, -kFar, kFar) : power.starts_with('-') ? -kFar : kFar;
  }
  return exponent < 0;
}

}  // namespace

NumberError parse_any_number(std::string_view text, double& value) {
  if (text.empty()) return NumberError::missing;
  if (text.front() == '+' && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return NumberError::not_a_number;
  if (error != std::errc()) {
    if (!is_underflow(text)) return NumberError::out_of_range;
    value = text.front() == '-' ? -0.0 : 0.0;
  }
  return std::isfinite(value) ? NumberError::none : NumberError::not_finite;
}

}  // namespace lamella::detail
