// Two-operand shuffles of whole vectors: what transposition and sums across lanes are made of.
#ifndef LAMELLA_BACKENDS_SIMD_SHUFFLE_H_
#define LAMELLA_BACKENDS_SIMD_SHUFFLE_H_

#include "backends/simd/batch.h"

namespace lamella::backends {
namespace {

// GCC and clang vector extensions: xsimd's zip differs between its architectures in 8.1.
#if defined(__clang__) || __GNUC__ >= 12
#define LAMELLA_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#error "lamella needs g++ >= 12 or clang"
#endif

template <class T>
using Raw __attribute__((vector_size(sizeof(Vec<T>)))) = T;

/// Where element j of a shuffle comes from (b's elements are numbered from n on): a and b are cut
/// into groups of `group` elements and these into chunks of `chunk`; the lower (or upper) halves of
/// two groups interleave by chunks. With groups of 128 bits it is one cheap instruction everywhere.
constexpr int interleave(int j, int n, int group, int chunk, bool upper) {
  const int at = j % group, number = at / chunk;
  return j - at + number / 2 * chunk + (upper ? group / 2 : 0) + at % chunk +
         (number % 2 == 0 ? 0 : n);
}

/// Swaps blocks of `size` elements: the lower result has a's even blocks and, in the place of its
/// odd ones, b's even blocks; the upper result has the odd blocks of both.
constexpr int swap_blocks(int j, int n, int size, bool upper) {
  const bool odd = j / size % 2 != 0;
  return (odd ? j - size + n : j) + (upper ? size : 0);
}

template <int kChunk, class T, int... kI>
LAMELLA_INLINE void interleave_rows(Raw<T>& a, Raw<T>& b, Indices<kI...>) {
  constexpr int kN = sizeof...(kI), kGroup = 16 / sizeof(T);
  const Raw<T> low = a, high = b;
  a = LAMELLA_SHUFFLE(low, high, interleave(kI, kN, kGroup, kChunk, false)...);
  b = LAMELLA_SHUFFLE(low, high, interleave(kI, kN, kGroup, kChunk, true)...);
}

template <int kSize, class T, int... kI>
LAMELLA_INLINE void swap_row_blocks(Raw<T>& a, Raw<T>& b, Indices<kI...>) {
  constexpr int kN = sizeof...(kI);
  const Raw<T> low = a, high = b;
  a = LAMELLA_SHUFFLE(low, high, swap_blocks(kI, kN, kSize, false)...);
  b = LAMELLA_SHUFFLE(low, high, swap_blocks(kI, kN, kSize, true)...);
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_SHUFFLE_H_
