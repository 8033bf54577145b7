// Weights after an update: shrunk towards zero, and rows shortened to a largest norm.
#ifndef LAMELLA_BACKENDS_SIMD_CONSTRAIN_ROWS_H_
#define LAMELLA_BACKENDS_SIMD_CONSTRAIN_ROWS_H_

#include "backends/simd/elementwise.h"
#include "backends/simd/lane_sums.h"

namespace lamella::backends {
namespace {

/// Sums that are kept at the same time: an addition takes four cycles.
inline constexpr int kSquareSums = 4;

/// The sum of squares of n elements, each replaced by f of it before if kStores is set.
template <bool kStores, class T, class F>
LAMELLA_INLINE T sum_of_squares(index n, T* w, const F& f) {
  Vec<T> sums[kSquareSums];
  unroll<kSquareSums>([&](int q) LAMELLA_INLINE_LAMBDA { sums[q] = broadcast(T{0}); });
  index j = 0;
  for (; j + kSquareSums * kLanes<T> <= n; j += kSquareSums * kLanes<T>)
    unroll<kSquareSums>([&](int q) LAMELLA_INLINE_LAMBDA {
      const Vec<T> v = f(load(w + j + q * kLanes<T>));
      if constexpr (kStores) store(w + j + q * kLanes<T>, v);
      sums[q] = fma(v, v, sums[q]);
    });
  for (; j + kLanes<T> <= n; j += kLanes<T>) {
    const Vec<T> v = f(load(w + j));
    if constexpr (kStores) store(w + j, v);
    sums[0] = fma(v, v, sums[0]);
  }
  if (j < n) {
    const Vec<T> v = f(load_n(w + j, n - j));
    if constexpr (kStores) store_n(w + j, n - j, v);
    sums[1] = fma(v, v, sums[1]);
  }
  return sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/// The square root of one number; <cmath>'s is a function that other units might share.
template <class T>
LAMELLA_INLINE T root_of(T x) {
  T lanes[kLanes<T>];
  store(lanes, root(broadcast(x)));
  return lanes[0];
}

template <class T>
LAMELLA_KERNEL void constrain_rows(index m, index n, T threshold, T max_norm, T* weights,
                                   index ldw) {
  const Vec<T> least = broadcast(-threshold), most = broadcast(threshold);
  const auto shrink = [&](Vec<T> w) LAMELLA_INLINE_LAMBDA {
    return w - xsimd::min(xsimd::max(w, least), most);  // NaN - x is NaN
  };
  const T largest = sizeof(T) == 4 ? T(__FLT_MAX__) : T(__DBL_MAX__);
  for (index i = 0; i < m; ++i) {
    T* const w = weights + i * ldw;
    if (!(max_norm <= largest)) {
      if (threshold > 0) map(n, w, w, shrink);
      continue;
    }
    const T squares = threshold > 0 ? sum_of_squares<true>(n, w, shrink)
                                    : sum_of_squares<false>(
                                          n, w, [](Vec<T> v) LAMELLA_INLINE_LAMBDA { return v; });
    const T norm = root_of(squares);
    if (!(norm > max_norm && norm <= largest)) continue;
    const Vec<T> factor = broadcast(max_norm / norm);
    map(n, w, w, [&](Vec<T> v) LAMELLA_INLINE_LAMBDA { return v * factor; });
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_CONSTRAIN_ROWS_H_
