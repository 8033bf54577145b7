// Sums across the lanes of many vectors, by a tree that all of them share.
#ifndef LAMELLA_BACKENDS_SIMD_LANE_SUMS_H_
#define LAMELLA_BACKENDS_SIMD_LANE_SUMS_H_

#include "backends/simd/shuffle.h"

namespace lamella::backends {
namespace {

/// [a's sums, b's sums]: every lane adds two lanes of one operand, and the vectors of a level of
/// the tree take turns in chunks of kChunk lanes.
template <int kChunk, class T>
LAMELLA_INLINE Raw<T> add_halves(Raw<T> a, Raw<T> b) {
  using All = typename MakeIndices<static_cast<int>(kLanes<T>)>::type;
  if constexpr (kChunk * sizeof(T) < 16)
    interleave_rows<kChunk, T>(a, b, All{});
  else
    swap_row_blocks<kChunk, T>(a, b, All{});
  return a + b;
}

/// sums[i] ← alpha times the sum of the lanes of v[i], for all i. An element's lanes are added in
/// an order that does not depend on i.
template <int kChunk, class T, int kN>
LAMELLA_INLINE void sums_of_lanes(const Raw<T> (&v)[kN], T alpha, T* sums) {
  if constexpr (kChunk == kLanes<T>) {
    unroll<kN>([&](auto i) LAMELLA_INLINE_LAMBDA {
      const Raw<T> scaled = v[i] * alpha;
      __builtin_memcpy(sums + i * kLanes<T>, &scaled, sizeof(Raw<T>));
    });
  } else {
    Raw<T> half[(kN + 1) / 2];
    unroll<(kN + 1) / 2>([&](auto i) LAMELLA_INLINE_LAMBDA {
      constexpr int kSecond = 2 * i.value + 1 < kN ? 2 * i.value + 1 : 2 * i.value;
      half[i] = add_halves<kChunk, T>(v[2 * i], v[kSecond]);
    });
    sums_of_lanes<2 * kChunk, T>(half, alpha, sums);
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_LANE_SUMS_H_
