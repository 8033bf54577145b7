// Scale and shift by feature, and the gradients of both, with lanes across features or across
// samples, whichever lie side by side in memory.
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

/// At most kStrip features from `first` on, with lanes across features. Sums are made in blocks of
/// samples, as those of column_sums are.
template <bool kScales, class T>
LAMELLA_INLINE void scale_shift_backward_strip(const ScaleShiftBackwardBlock<T>& s, index first,
                                               index features) {
  StripValues<T> products, sums, block_products, block_sums, scale;
  products.n = sums.n = block_products.n = block_sums.n = scale.n = features;
  products.set(0);
  sums.set(0);
  if constexpr (kScales) {
    scale.set(0);
    for (index j = 0; j < features; ++j) scale.at[j] = s.scale[(first + j) * s.scale_stride];
  }
  for_row_blocks(0, s.samples, kSumBlock, [&](index begin, index end) LAMELLA_INLINE_LAMBDA {
    block_products.set(0);
    block_sums.set(0);
    for_row_blocks(begin, end, kRowsAtOnce, [&](index from, index to) LAMELLA_INLINE_LAMBDA {
      for_lanes<T>(features, [&](auto lanes, index j) LAMELLA_INLINE_LAMBDA {
        Vec<T> product = load(block_products.at + j), sum = load(block_sums.at + j);
        for (index i = from; i < to; ++i) {
          T* const d = s.d + i * s.d_stride + first + j;
          const Vec<T> gradient = lanes.load_from(d);
          product = fma(gradient, lanes.load_from(s.x + i * s.x_stride + first + j), product);
          sum = sum + gradient;
          if constexpr (kScales) lanes.store_to(d, gradient * load(scale.at + j));
        }
        store(block_products.at + j, product);
        store(block_sums.at + j, sum);
      });
    });
    products.add(block_products);
    sums.add(block_sums);
  });
  for (index j = 0; j < features; ++j) {
    accumulate(s.alpha, products.at[j], s.beta,
               s.scale_gradient + (first + j) * s.scale_gradient_stride);
    accumulate(s.alpha, sums.at[j], s.beta,
               s.shift_gradient + (first + j) * s.shift_gradient_stride);
  }
}

template <class T>
LAMELLA_KERNEL void scale_shift_backward_rows(const ScaleShiftBackwardBlock<T>& s) {
  for (index j = 0; j < s.features; j += kStrip<T>) {
    const index count = s.features - j < kStrip<T> ? s.features - j : kStrip<T>;
    if (s.scale != nullptr)
      scale_shift_backward_strip<true>(s, j, count);
    else
      scale_shift_backward_strip<false>(s, j, count);
  }
}

/// The two sums of one feature, each still spread over the lanes.
template <class T>
struct FeatureSums {
  Vec<T> product, sum;
};

/// One feature with lanes across samples, in kPartials independent sums.
template <bool kScales, class T>
LAMELLA_INLINE FeatureSums<T> scale_shift_backward_feature(index n, const T* x, T* d,
                                                           Vec<T> scale) {
  Vec<T> products[kPartials], sums[kPartials];
  unroll<kPartials>([&](auto q) LAMELLA_INLINE_LAMBDA { products[q] = sums[q] = broadcast(T{0}); });
  const auto add = [&](auto lanes, auto q, index i) LAMELLA_INLINE_LAMBDA {
    const Vec<T> gradient = lanes.load_from(d + i);
    products[q] = fma(gradient, lanes.load_from(x + i), products[q]);
    sums[q] = sums[q] + gradient;
    if constexpr (kScales) lanes.store_to(d + i, gradient * scale);
  };
  constexpr index kRound = kPartials * kLanes<T>;
  const Lanes<T, true> whole{kLanes<T>};
  index i = 0;
  for (; i + kRound <= n; i += kRound)
    unroll<kPartials>([&](auto q) LAMELLA_INLINE_LAMBDA { add(whole, q, i + q * kLanes<T>); });
  for (; i + kLanes<T> <= n; i += kLanes<T>) add(whole, Index<0>{}, i);
  if (i < n) add(Lanes<T, false>{n - i}, Index<0>{}, i);
  return {(products[0] + products[1]) + (products[2] + products[3]),
          (sums[0] + sums[1]) + (sums[2] + sums[3])};
}

template <class T>
LAMELLA_KERNEL void scale_shift_backward_columns(const ScaleShiftBackwardBlock<T>& s) {
  // As many features as a vector has lanes at a time share the sums across lanes, as in row_sums.
  Raw<T> raw_products[kLanes<T>] = {}, raw_sums[kLanes<T>] = {};
  for (index first = 0; first < s.features; first += kLanes<T>) {
    const index count = s.features - first < kLanes<T> ? s.features - first : kLanes<T>;
    for (index r = 0; r < count; ++r) {
      const index j = first + r;
      const T* const x = s.x + j * s.x_stride;
      T* const d = s.d + j * s.d_stride;
      const FeatureSums<T> found =
          s.scale != nullptr
              ? scale_shift_backward_feature<true>(s.samples, x, d,
                                                   broadcast(s.scale[j * s.scale_stride]))
              : scale_shift_backward_feature<false>(s.samples, x, d, broadcast(T{1}));
      raw_products[r] = raw<T>(found.product);
      raw_sums[r] = raw<T>(found.sum);
    }
    alignas(64) T products[kLanes<T>], sums[kLanes<T>];
    sums_of_lanes<1, T>(raw_products, T{1}, products);
    sums_of_lanes<1, T>(raw_sums, T{1}, sums);
    for (index r = 0; r < count; ++r) {
      accumulate(s.alpha, products[r], s.beta,
                 s.scale_gradient + (first + r) * s.scale_gradient_stride);
      accumulate(s.alpha, sums[r], s.beta,
                 s.shift_gradient + (first + r) * s.shift_gradient_stride);
    }
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_SCALE_SHIFT_H_
