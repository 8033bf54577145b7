// Batch normalisation with its activation, and the gradients of both. Lanes run across the samples
// of a feature; as many features as a vector has lanes share the sums across lanes.
#ifndef LAMELLA_BACKENDS_SIMD_BATCH_NORM_H_
#define LAMELLA_BACKENDS_SIMD_BATCH_NORM_H_

#include "backends/simd/scale_shift.h"

namespace lamella::backends {
namespace {

/// One number for each of the features that are normalised together.
template <class T>
struct FeatureValues {
  alignas(64) T at[kLanes<T>];

  LAMELLA_INLINE void set(Vec<T> v) { store(at, v); }
  LAMELLA_INLINE Vec<T> vector() const { return load(at); }
};

/// Σ term(v) over n contiguous values, still spread over the lanes. Lanes past the end see `fill`.
template <class T, class Term>
LAMELLA_INLINE Raw<T> lanes_of_sum(index n, const T* x, T fill, const Term& term) {
  Vec<T> sum[kPartials];
  unroll<kPartials>([&](int q) LAMELLA_INLINE_LAMBDA { sum[q] = broadcast(T{0}); });
  sweep_row(n, x, fill, [&](Vec<T> v, auto q, index, index) LAMELLA_INLINE_LAMBDA {
    sum[q] = term(v, sum[q]);
  });
  return raw<T>((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/// Activations that the loops below apply themselves. The code of others is long, and is applied by
/// a call to what has just been written, which is still in the L1 cache.
constexpr bool is_inline(int code) { return code == kRelu || code == kIdentity; }

template <class T>
LAMELLA_INLINE void normalise_feature(const BatchNormBlock<T>& s, index j, T mean, T factor) {
  const T* const x = s.x + j * s.x_stride;
  T* const y = s.y + j * s.y_stride;
  const Vec<T> m = broadcast(mean), f = broadcast(factor), shift = broadcast(s.shift[j]),
               zero = broadcast(T{0});
  if (s.activation == kRelu)
    return map(s.samples, x, y, [&](Vec<T> v) LAMELLA_INLINE_LAMBDA {
      return activation<kRelu, T>(zero, fma(v - m, f, shift));
    });
  map(s.samples, x, y, [&](Vec<T> v) LAMELLA_INLINE_LAMBDA { return fma(v - m, f, shift); });
  if (!is_inline(s.activation)) activate(s.activation, s.slope, s.samples, y, y);
}

template <class T>
LAMELLA_KERNEL void batch_norm(const BatchNormBlock<T>& s) {
  const Vec<T> samples = broadcast(static_cast<T>(s.samples)), one = broadcast(T{1});
  const Vec<T> momentum = broadcast(s.momentum), kept = broadcast(1 - s.momentum);
  Raw<T> sums[kLanes<T>] = {};
  FeatureValues<T> mean, squares, factor;
  for (index first = 0; first < s.features; first += kLanes<T>) {
    const index count = s.features - first < kLanes<T> ? s.features - first : kLanes<T>;
    const auto x = [&](index r) LAMELLA_INLINE_LAMBDA { return s.x + (first + r) * s.x_stride; };
    for (index r = 0; r < count; ++r)
      sums[r] = lanes_of_sum(s.samples, x(r), T{0},
                             [](Vec<T> v, Vec<T> sum) LAMELLA_INLINE_LAMBDA { return sum + v; });
    sums_of_lanes<1, T>(sums, T{1}, mean.at);
    mean.set(quotient(mean.vector(), samples));
    for (index r = 0; r < count; ++r) {
      const Vec<T> m = broadcast(mean.at[r]);
      sums[r] = lanes_of_sum(s.samples, x(r), mean.at[r],
                             [&](Vec<T> v, Vec<T> sum) LAMELLA_INLINE_LAMBDA {
                               const Vec<T> centred = v - m;
                               return fma(centred, centred, sum);
                             });
    }
    sums_of_lanes<1, T>(sums, T{1}, squares.at);
    const Vec<T> inverse =
        quotient(one, root(quotient(squares.vector(), samples) + broadcast(s.epsilon)));
    factor.set(inverse * load_n(s.scale + first, count));
    for (index r = 0; r < count; ++r) normalise_feature(s, first + r, mean.at[r], factor.at[r]);
    store_n(s.mean + first, count, mean.vector());
    store_n(s.inverse_deviation + first, count, inverse);
    const auto follow = [&](T* running, Vec<T> value) LAMELLA_INLINE_LAMBDA {
      if (running == nullptr) return;
      const Vec<T> before = load_n(running + first, count);
      store_n(running + first, count, fma(momentum, value, kept * before));
    };
    follow(s.running_mean, mean.vector());
    follow(s.running_variance, quotient(squares.vector(), samples - one));
  }
}

/// d ← d ⊙ f'(u) for an activation that is not inline, u being what it has been applied to.
template <class T>
LAMELLA_INLINE void multiply_derivative(const BatchNormBackwardBlock<T>& s, const T* x, T* d,
                                        Vec<T> mean, Vec<T> factor, Vec<T> shift) {
  constexpr index kChunk = 256;
  alignas(64) T outputs[kChunk];
  for (index i = 0; i < s.samples; i += kChunk) {
    const index n = s.samples - i < kChunk ? s.samples - i : kChunk;
    map(n, x + i, outputs,
        [&](Vec<T> v) LAMELLA_INLINE_LAMBDA { return fma(v - mean, factor, shift); });
    if (!derivative_needs_input(s.activation)) activate(s.activation, s.slope, n, outputs, outputs);
    activate_backward(s.activation, s.slope, n, outputs, d + i);
  }
}

/// g = d ⊙ f'(u) in place of d, for f = relu or what multiply_derivative has done. Returns Σ g
/// (x - mean) and Σ g.
template <bool kRectifies, class T>
LAMELLA_INLINE FeatureSums<T> sums_of_gradient(index n, const T* x, T* d, T mean, Vec<T> factor,
                                               Vec<T> shift) {
  const Vec<T> m = broadcast(mean), zero = broadcast(T{0});
  Vec<T> products[kPartials], sums[kPartials];
  unroll<kPartials>([&](auto q) LAMELLA_INLINE_LAMBDA { products[q] = sums[q] = zero; });
  sweep_row(n, x, mean, [&](Vec<T> v, auto q, index i, index count) LAMELLA_INLINE_LAMBDA {
    const Vec<T> centred = v - m;
    const bool whole = count == kLanes<T>;
    Vec<T> g = whole ? load(d + i) : load_n(d + i, count);
    if constexpr (kRectifies) {
      g = xsimd::select(fma(centred, factor, shift) > zero, g, zero);
      if (whole)
        store(d + i, g);
      else
        store_n(d + i, count, g);
    }
    products[q] = fma(g, centred, products[q]);
    sums[q] = sums[q] + g;
  });
  return {(products[0] + products[1]) + (products[2] + products[3]),
          (sums[0] + sums[1]) + (sums[2] + sums[3])};
}

template <class T>
LAMELLA_KERNEL void batch_norm_backward(const BatchNormBackwardBlock<T>& s) {
  const Vec<T> samples = broadcast(static_cast<T>(s.samples));
  Raw<T> raw_products[kLanes<T>] = {}, raw_sums[kLanes<T>] = {};
  FeatureValues<T> factor, product, sum, by_position, offset;
  for (index first = 0; first < s.features; first += kLanes<T>) {
    const index count = s.features - first < kLanes<T> ? s.features - first : kLanes<T>;
    const Vec<T> inverse = load_n(s.inverse_deviation + first, count);
    factor.set(inverse * load_n(s.scale + first, count));
    for (index r = 0; r < count; ++r) {
      const index j = first + r;
      const T* const x = s.x + j * s.x_stride;
      T* const d = s.d + j * s.d_stride;
      const Vec<T> f = broadcast(factor.at[r]), shift = broadcast(s.shift[j]);
      if (!is_inline(s.activation)) multiply_derivative(s, x, d, broadcast(s.mean[j]), f, shift);
      const FeatureSums<T> found =
          s.activation == kRelu ? sums_of_gradient<true>(s.samples, x, d, s.mean[j], f, shift)
                                : sums_of_gradient<false>(s.samples, x, d, s.mean[j], f, shift);
      raw_products[r] = raw<T>(found.product);
      raw_sums[r] = raw<T>(found.sum);
    }
    sums_of_lanes<1, T>(raw_products, T{1}, product.at);
    sums_of_lanes<1, T>(raw_sums, T{1}, sum.at);
    product.set(inverse * product.vector());
    by_position.set(quotient(factor.vector() * inverse * product.vector(), samples));
    offset.set(quotient(factor.vector() * sum.vector(), samples));
    for (index r = 0; r < count; ++r) {
      const index j = first + r;
      T* const d = s.d + j * s.d_stride;
      const Vec<T> mean = broadcast(s.mean[j]), f = broadcast(factor.at[r]),
                   slope = broadcast(-by_position.at[r]), o = broadcast(-offset.at[r]);
      map(s.samples, s.x + j * s.x_stride, d, d, [&](Vec<T> v, Vec<T> g) LAMELLA_INLINE_LAMBDA {
        return fma(f, g, fma(v - mean, slope, o));
      });
    }
    for (index r = 0; r < count; ++r) {
      accumulate(s.alpha, product.at[r], s.beta, s.scale_gradient + first + r);
      accumulate(s.alpha, sum.at[r], s.beta, s.shift_gradient + first + r);
    }
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_BATCH_NORM_H_
