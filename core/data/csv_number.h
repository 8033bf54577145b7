// Numbers in the fields of a table: their text, and what rounding them to float would lose.
//
// Not here: which fields hold numbers (csv.cpp).
#ifndef LAMELLA_CORE_DATA_CSV_NUMBER_H_
#define LAMELLA_CORE_DATA_CSV_NUMBER_H_

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace lamella::detail {

/// The whole of `text` as a number of this type, or nothing.
template <class Integer>
std::optional<Integer> parse_integer(std::string_view text) {
  Integer value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

enum class NumberError { none, missing, not_a_number, not_finite, out_of_range };

/// As parse_number, for any text.
NumberError parse_any_number(std::string_view text, double& value);

/// Locale-independent; a leading plus sign is allowed. What is too small for double is 0.
inline NumberError parse_number(std::string_view text, double& value) {
  // Fast path: most values of large tables (pixels, counts, flags) are short whole numbers.
  constexpr std::size_t kShort = 7;  // digits: below 2^24, exact in float
  if (!text.empty() && text.size() <= kShort) {
    std::int32_t whole = 0;
    std::size_t i = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
      whole = 10 * whole + (text[i] - '0');
    if (i == text.size()) {
      value = whole;
      return NumberError::none;
    }
  }
  return parse_any_number(text, value);
}

/// Whether the values of a column can be told apart when they are rounded to float.
class RoundingLoss {
 public:
  /// A value that float does not hold.
  void add(double value) {
    const auto rounded = static_cast<double>(static_cast<float>(value));
    whole_ = whole_ || value == std::floor(value);
    error_ = std::max(error_, std::abs(value - rounded));
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  void add_too_large() { too_large_ = true; }
  /// Whether nothing is lost, whatever the other values of the column are.
  bool is_harmless() const {
    return !too_large_ && (error_ == 0 || (!whole_ && error_ * kSteps <= high_ - low_));
  }
  /// `range` is that of the column's values after rounding. A constant has nothing to lose.
  bool matters(double range) const {
    range = std::max(range, high_ - low_);
    return too_large_ || (range > 0 && (whole_ || error_ * kSteps > range));
  }

 private:
  static constexpr double kSteps = 4096;  // that many values, at least, must stay different
  bool whole_ = false;
  bool too_large_ = false;
  double error_ = 0;
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_DATA_CSV_NUMBER_H_
