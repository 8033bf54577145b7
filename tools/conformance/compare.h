// Comparisons of whole matrices. Each returns an empty string, or where and how the first element
// differs, so that a test makes one assertion a case.
#ifndef LAMELLA_TOOLS_CONFORMANCE_COMPARE_H_
#define LAMELLA_TOOLS_CONFORMANCE_COMPARE_H_

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include <lamella/view.h>

namespace lamella::conformance {

/// A vector as a matrix of one row.
template <class T>
View<T> as_row(VectorView<T> v) {
  return {v.data, 1, v.size, 0, v.stride};
}

/// A copy of a matrix's elements, row by row.
template <class T>
std::vector<std::remove_const_t<T>> elements(View<T> v) {
  std::vector<std::remove_const_t<T>> copy;
  copy.reserve(static_cast<std::size_t>(v.size()));
  for (index_t i = 0; i < v.rows; ++i)
    for (index_t j = 0; j < v.cols; ++j) copy.push_back(v(i, j));
  return copy;
}

template <class X>
bool is_nan(X x) {
  if constexpr (std::is_floating_point_v<X>)
    return std::isnan(x);
  else
    return false;
}

/// Same bits; NaNs are equal whatever their payload.
template <class X>
bool same_bits(X x, X y) {
  // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bits are compared, so that 0 is not -0
  return std::memcmp(&x, &y, sizeof x) == 0 || (is_nan(x) && is_nan(y));
}

/// Same value: as same_bits, but zeros are equal whatever their sign.
template <class X>
bool same_value(X x, X y) {
  return x == y || (is_nan(x) && is_nan(y));
}

/// Walks got (a matrix) and want (its elements, row by row) until `agree` says no.
template <class T, class X, class Agree>
std::string first_difference(View<T> got, const std::vector<X>& want, Agree agree) {
  if (static_cast<std::size_t>(got.size()) != want.size()) return "different sizes";
  std::size_t at = 0;
  for (index_t i = 0; i < got.rows; ++i)
    for (index_t j = 0; j < got.cols; ++j, ++at)
      if (!agree(got(i, j), want[at], at)) {
        std::ostringstream out;
        out.precision(std::numeric_limits<X>::max_digits10);
        out << "element (" << i << ", " << j << ") is " << got(i, j) << ", expected " << want[at];
        return out.str();
      }
  return "";
}

/// Bit for bit (see same_bits).
template <class T, class X>
std::string different_bits(View<T> got, const std::vector<X>& want) {
  return first_difference(got, want, [](X x, X y, std::size_t) { return same_bits(x, y); });
}
template <class T, class U>
std::string different_bits(View<T> got, View<U> want) {
  return different_bits(got, elements(want));
}

/// Equal as numbers; `want` may be of a wider type.
template <class T, class X>
std::string different_values(View<T> got, const std::vector<X>& want) {
  return first_difference(got, want,
                          [](T x, X y, std::size_t) { return same_value(static_cast<X>(x), y); });
}

/// |got - want| <= bound for each element, in the type of `want`; NaN agrees with NaN and infinity
/// with itself, and with nothing else.
template <class T, class X>
std::string exceeds(View<T> got, const std::vector<X>& want, const std::vector<X>& bound) {
  return first_difference(got, want, [&](T x, X y, std::size_t at) {
    const X wide = static_cast<X>(x);
    return same_value(wide, y) || std::abs(wide - y) <= bound[at];
  });
}

/// Values, and how far off each may be.
struct BoundedValues {
  std::vector<long double> values, bounds;

  BoundedValues() = default;
  explicit BoundedValues(index_t size) : values(static_cast<std::size_t>(size)), bounds(values) {}
  void add(long double value, long double bound) {
    values.push_back(value);
    bounds.push_back(bound);
  }
};

/// As above.
template <class T>
std::string exceeds(View<T> got, const BoundedValues& want) {
  return exceeds(got, want.values, want.bounds);
}

/// Distance of T's numbers around x, constant below the smallest normal one; 0 around infinity and
/// NaN, from which nothing is a little way off.
template <class T>
long double ulp(long double x) {
  using Limits = std::numeric_limits<T>;
  if (!std::isfinite(x)) return 0;
  const long double magnitude = std::max(std::abs(x), static_cast<long double>(Limits::min()));
  return std::ldexp(1.0L, std::ilogb(magnitude) - (Limits::digits - 1));
}

/// Half the distance of 1 to the next number: the relative error of one rounding.
template <class T>
constexpr long double unit_roundoff() {
  return std::numeric_limits<T>::epsilon() / 2.0L;
}

/// The relative error of n roundings in a row, n u / (1 - n u).
template <class T>
long double gamma(index_t n) {
  const long double nu = static_cast<long double>(n) * unit_roundoff<T>();
  return nu / (1 - nu);
}

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_COMPARE_H_
