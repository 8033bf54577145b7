// Scale and shift by feature, with lanes across features or across samples, whichever lie side by
// side in memory.
#ifndef LAMELLA_BACKENDS_SIMD_SCALE_SHIFT_H_
#define LAMELLA_BACKENDS_SIMD_SCALE_SHIFT_H_

#include "backends/simd/rows.h"

namespace lamella::backends {
namespace {

/// Samples that share the loads of scale and shift.
inline constexpr int kScaledRows = 4;

/// `count` samples with lanes across features.
template <int kCount, class T>
LAMELLA_INLINE void scale_shift_samples(const ScaleShiftBlock<T>& s, index first) {
  const T* x = s.x + first * s.x_stride;
  T* y = s.y + first * s.y_stride;
  for_lanes<T>(s.features, [&](auto lanes, index j) LAMELLA_INLINE_LAMBDA {
    const Vec<T> scale = lanes.load_from(s.scale + j), shift = lanes.load_from(s.shift + j);
    unroll<kCount>([&](auto q) LAMELLA_INLINE_LAMBDA {
      lanes.store_to(y + q * s.y_stride + j,
                     fma(lanes.load_from(x + q * s.x_stride + j), scale, shift));
    });
  });
}

template <class T>
LAMELLA_KERNEL void scale_shift_rows(const ScaleShiftBlock<T>& s) {
  index i = 0;
  for (; i + kScaledRows <= s.samples; i += kScaledRows) scale_shift_samples<kScaledRows>(s, i);
  for (; i < s.samples; ++i) scale_shift_samples<1>(s, i);
}

template <class T>
LAMELLA_KERNEL void scale_shift_columns(const ScaleShiftBlock<T>& s) {
  for (index j = 0; j < s.features; ++j) {
    const Vec<T> scale = broadcast(s.scale[j * s.scale_stride]),
                 shift = broadcast(s.shift[j * s.shift_stride]);
    map(s.samples, s.x + j * s.x_stride, s.y + j * s.y_stride,
        [&](Vec<T> v) LAMELLA_INLINE_LAMBDA { return fma(v, scale, shift); });
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_SCALE_SHIFT_H_
