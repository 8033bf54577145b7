// Reductions across lanes, in registers: of one vector, and sums of many by a tree that all share.
#ifndef LAMELLA_BACKENDS_SIMD_LANE_SUMS_H_
#define LAMELLA_BACKENDS_SIMD_LANE_SUMS_H_

#include "backends/simd/shuffle.h"

namespace lamella::backends {
namespace {

template <int kDistance, class T, int... kI>
LAMELLA_INLINE Raw<T> swap_lanes(Raw<T> v, Indices<kI...>) {
  return LAMELLA_SHUFFLE(v, v, (kI ^ kDistance)...);
}

/// Lane 0 of: body(v, v with its halves swapped), the same with quarters, and so on.
template <int kDistance, class T, class Body>
LAMELLA_INLINE T fold_lanes(Raw<T> v, const Body& body) {
  using All = typename MakeIndices<static_cast<int>(kLanes<T>)>::type;
  const Raw<T> folded = body(v, swap_lanes<kDistance, T>(v, All{}));
  if constexpr (kDistance > 1)
    return fold_lanes<kDistance / 2, T>(folded, body);
  else
    return folded[0];
}

template <class T>
LAMELLA_INLINE Raw<T> raw(Vec<T> v) {
  Raw<T> lanes;
  __builtin_memcpy(&lanes, &v, sizeof(lanes));
  return lanes;
}

/// The sum of all lanes, by halves: one order for every call.
template <class T>
LAMELLA_INLINE T sum_lanes(Vec<T> v) {
  return fold_lanes<static_cast<int>(kLanes<T> / 2), T>(
      raw<T>(v), [](Raw<T> a, Raw<T> b) LAMELLA_INLINE_LAMBDA { return a + b; });
}

template <class T>
LAMELLA_INLINE T max_lanes(Vec<T> v) {
  return fold_lanes<static_cast<int>(kLanes<T> / 2), T>(
      raw<T>(v), [](Raw<T> a, Raw<T> b) LAMELLA_INLINE_LAMBDA { return b > a ? b : a; });
}

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
    unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
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
