// Sizes of buffers: arithmetic that cannot overflow, and padding to cache lines.
#ifndef LAMELLA_CORE_BASE_SIZES_H_
#define LAMELLA_CORE_BASE_SIZES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include <lamella/error.h>
#include <lamella/matrix.h>

namespace lamella::detail {

/// a + b and a * b of non-negative sizes. Throw ArgumentError where a buffer of that many elements
/// could not be addressed.
inline index_t checked_sum(index_t a, index_t b) {
  if (a > std::numeric_limits<index_t>::max() - b)
    throw ArgumentError("the network or its mini-batch is too large for the address space");
  return a + b;
}
inline index_t checked_product(index_t a, index_t b) {
  if (b != 0 && a > std::numeric_limits<index_t>::max() / b)
    throw ArgumentError("the network or its mini-batch is too large for the address space");
  return a * b;
}

/// Number of elements of a shape, or nothing if it overflows. A dimension of 0 makes it 0.
inline std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> shape) {
  if (std::ranges::find(shape, 0U) != shape.end()) return 0;
  std::uint64_t count = 1;
  for (const std::uint64_t dimension : shape) {
    if (count > std::numeric_limits<std::uint64_t>::max() / dimension) return std::nullopt;
    count *= dimension;
  }
  return count;
}

/// Whether a preprocessing's vector of `values` values serves `features` features: it is empty, has
/// one value for all, or has one per feature.
inline bool fits_features(std::size_t values, index_t features) {
  return values <= 1 || values == static_cast<std::size_t>(features);
}

/// Elements in a cache line.
template <class T>
inline constexpr index_t kLineElements = static_cast<index_t>(kAlignment / sizeof(T));

/// `size` rounded up to whole cache lines. Throws as checked_sum.
template <class T>
index_t padded(index_t size) {
  return checked_sum(size, kLineElements<T> - 1) / kLineElements<T> * kLineElements<T>;
}

/// Row stride, in elements, of a matrix of weights with n columns. It is n, or n plus a cache line
/// if rows would be a multiple of 1 KiB long: the rows of a tile would then compete for a few sets
/// of the cache. Monotonic in n.
template <class T>
index_t row_stride(index_t n) {
  return n % (16 * kLineElements<T>) == 0 ? checked_sum(n, kLineElements<T>) : n;
}

/// Elements that a matrix of rows x cols weights occupies, in whole cache lines.
template <class T>
index_t weights_size(index_t rows, index_t cols) {
  return padded<T>(checked_product(rows, row_stride<T>(cols)));
}

/// The row stride for n samples as columns, in whole cache lines; a single sample is a dense
/// vector.
template <class T>
index_t leading_dimension(index_t n) {
  return n == 1 ? 1 : row_stride<T>(padded<T>(n));
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_SIZES_H_
