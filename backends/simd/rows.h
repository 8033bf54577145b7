// Kernels that reduce: softmax, softmax + negative log-likelihood + gradient, sums of rows and
// columns.
//
// Two forms of each: over contiguous rows (lanes along a row, one reduction across lanes at its
// end) and over columns (lanes across samples, no reduction across lanes at all).
#ifndef LAMELLA_BACKENDS_SIMD_ROWS_H_
#define LAMELLA_BACKENDS_SIMD_ROWS_H_

#include "backends/simd/elementwise.h"

namespace lamella::backends {
namespace {

/// Independent partial sums per row: hides the latency of additions and keeps the error of long
/// sums near that of a pairwise sum.
inline constexpr int kPartials = 4;

/// Reduces one contiguous row by body(vector, index of partial). Lanes past the end hold `fill`.
template <class T, class Body>
LAMELLA_INLINE void sweep_row(index n, const T* z, T fill, const Body& body) {
  index j = 0;
  for (; j + kPartials * kLanes<T> <= n; j += kPartials * kLanes<T>)
    unroll<kPartials>([&](auto q) LAMELLA_INLINE_LAMBDA {
      body(load(z + j + q * kLanes<T>), q, j + q * kLanes<T>, kLanes<T>);
    });
  for (; j < n; j += kLanes<T>) {
    const index count = n - j < kLanes<T> ? n - j : kLanes<T>;
    body(count == kLanes<T> ? load(z + j) : load_n(z + j, count, fill), Index<0>{}, j, count);
  }
}

template <class T>
LAMELLA_INLINE T row_max(index n, const T* z) {
  Vec<T> best[kPartials];
  unroll<kPartials>([&](auto q)
                        LAMELLA_INLINE_LAMBDA { best[q] = broadcast(static_cast<T>(-INFINITY)); });
  sweep_row(n, z, static_cast<T>(-INFINITY),
            [&](Vec<T> v, auto q, index, index)
                LAMELLA_INLINE_LAMBDA { best[q] = xsimd::select(v > best[q], v, best[q]); });
  unroll<kPartials - 1>([&](auto q) LAMELLA_INLINE_LAMBDA {
    best[0] = xsimd::select(best[q + 1] > best[0], best[q + 1], best[0]);
  });
  return max_lanes<T>(best[0]);
}

/// out[j] ← exp(z[j] - shift); returns the sum. z and out may be the same.
template <class T>
LAMELLA_INLINE T row_exp(index n, const T* z, T shift, T* out) {
  const Vec<T> s = broadcast(shift);
  Vec<T> sum[kPartials];
  unroll<kPartials>([&](auto q) LAMELLA_INLINE_LAMBDA { sum[q] = broadcast(T{0}); });
  T tail = 0;
  sweep_row(n, z, T{0}, [&](Vec<T> v, auto q, index j, index count) LAMELLA_INLINE_LAMBDA {
    const Vec<T> e = exp_nonpositive<T>(v - s);
    if (count == kLanes<T>) {
      store(out + j, e);
      sum[q] = sum[q] + e;
    } else {
      store_n(out + j, count, e);
      for (index i = 0; i < count; ++i) tail += out[j + i];
    }
  });
  return sum_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3])) + tail;
}

template <class T>
LAMELLA_KERNEL void softmax_rows(index m, index n, const T* z, index ldz, T* p, index ldp) {
  for (index i = 0; i < m; ++i) {
    const T sum = row_exp(n, z + i * ldz, row_max(n, z + i * ldz), p + i * ldp);
    const Vec<T> factor = broadcast(1 / sum);
    map(n, p + i * ldp, p + i * ldp, [&](Vec<T> v) LAMELLA_INLINE_LAMBDA { return v * factor; });
  }
}

/// Loads and stores of one group of samples: whole vectors, or the last n % lanes of them.
template <class T>
struct Lanes {
  index count;
  LAMELLA_INLINE Vec<T> load_from(const T* p) const {
    return count == kLanes<T> ? load(p) : load_n(p, count);
  }
  LAMELLA_INLINE void store_to(T* p, Vec<T> v) const {
    if (count == kLanes<T>)
      store(p, v);
    else
      store_n(p, count, v);
  }
};

/// Sums down a column are kept in blocks of this many rows: the error of a sum of 1000 terms stays
/// within an ulp or two instead of growing with their number.
inline constexpr index kSumBlock = 32;

/// e(i) ← exp(z(i) - max) down one group of columns; returns their sums. z and e may be the same.
template <class T>
LAMELLA_INLINE Vec<T> column_exp(const Lanes<T>& lanes, index m, const T* z, index ldz,
                                 Vec<T> shift, T* e, index lde) {
  Vec<T> total = broadcast(T{0});
  for (index start = 0; start < m; start += kSumBlock) {
    const index end = m - start < kSumBlock ? m : start + kSumBlock;
    Vec<T> sum = broadcast(T{0});
    for (index i = start; i < end; ++i) {
      const Vec<T> v = exp_nonpositive<T>(lanes.load_from(z + i * ldz) - shift);
      lanes.store_to(e + i * lde, v);
      sum = sum + v;
    }
    total = total + sum;
  }
  return total;
}

template <class T>
LAMELLA_KERNEL void softmax_columns(index m, index n, const T* z, index ldz, T* p, index ldp) {
  for (index j = 0; j < n; j += kLanes<T>) {
    const Lanes<T> lanes{n - j < kLanes<T> ? n - j : kLanes<T>};
    Vec<T> best = broadcast(static_cast<T>(-INFINITY));
    for (index i = 0; i < m; ++i) {
      const Vec<T> v = lanes.load_from(z + i * ldz + j);
      best = xsimd::select(v > best, v, best);
    }
    const Vec<T> sum = column_exp(lanes, m, z + j, ldz, best, p + j, ldp);
    const Vec<T> factor = broadcast(T{1}) / sum;
    for (index i = 0; i < m; ++i)
      lanes.store_to(p + i * ldp + j, lanes.load_from(p + i * ldp + j) * factor);
  }
}

/// The loss of one sample from its parts, and the bookkeeping that goes with it; see SoftmaxNll.
template <class T>
LAMELLA_INLINE void finish_sample(const SoftmaxNllBlock<T>& s, index sample, T largest, index best,
                                  T label_logit, T sum, T below_all) {
  const T weight = s.weights != nullptr ? s.weights[sample * s.weights_stride] : T{1};
  T loss = log(sum) + (1 - s.label_smoothing) * (largest - label_logit);
  if (s.label_smoothing != 0)  // the test keeps 0 * inf out for logits of -inf
    loss -= s.label_smoothing / static_cast<T>(s.classes) * below_all;
  s.losses[sample * s.losses_stride] = weight * loss;
  if (s.predictions != nullptr)
    s.predictions[sample * s.predictions_stride] = static_cast<int32_t>(best);
}

template <class T>
LAMELLA_KERNEL void softmax_nll_rows(const SoftmaxNllBlock<T>& s) {
  const index n = s.classes;
  const T spread = s.label_smoothing / static_cast<T>(n);
  for (index i = 0; i < s.samples; ++i) {
    const T* z = s.logits + i * s.logits_stride;
    T* gradient = s.gradient + i * s.gradient_stride;
    const index label = s.labels[i * s.labels_stride];
    const T largest = row_max(n, z), label_logit = z[label];
    index best = 0;
    while (best < n - 1 && !(z[best] == largest)) ++best;
    T below_all = 0;
    if (s.label_smoothing != 0)
      for (index j = 0; j < n; ++j) below_all += z[j] - largest;
    const T sum = row_exp(n, z, largest, gradient);
    finish_sample(s, i, largest, best, label_logit, sum, below_all);
    const T scale = s.scale * (s.weights != nullptr ? s.weights[i * s.weights_stride] : T{1});
    const Vec<T> inverse = broadcast(1 / sum), factor = broadcast(scale),
                 uniform = broadcast(spread);
    const T at_label = gradient[label] / sum - spread - (1 - s.label_smoothing);
    map(n, gradient, gradient,
        [&](Vec<T> e) LAMELLA_INLINE_LAMBDA { return factor * (e * inverse - uniform); });
    gradient[label] = scale * at_label;
  }
}

template <class T>
LAMELLA_KERNEL void softmax_nll_columns(const SoftmaxNllBlock<T>& s) {
  const index m = s.classes;
  const T spread = s.label_smoothing / static_cast<T>(m);
  for (index j = 0; j < s.samples; j += kLanes<T>) {
    const Lanes<T> lanes{s.samples - j < kLanes<T> ? s.samples - j : kLanes<T>};
    const T* z = s.logits + j;
    T* gradient = s.gradient + j;

    // The first largest logit of each sample. Classes are counted in T: exact up to 2^24 of them.
    Vec<T> largest = broadcast(static_cast<T>(-INFINITY)), best = broadcast(T{0}),
           below = broadcast(T{0});
    for (index i = 0; i < m; ++i) {
      const Vec<T> v = lanes.load_from(z + i * s.logits_stride);
      const auto higher = v > largest;
      largest = xsimd::select(higher, v, largest);
      best = xsimd::select(higher, broadcast(static_cast<T>(i)), best);
    }
    if (s.label_smoothing != 0)
      for (index i = 0; i < m; ++i)
        below = below + (lanes.load_from(z + i * s.logits_stride) - largest);

    alignas(64) T scale[kLanes<T>], label_logit[kLanes<T>], lane_largest[kLanes<T>],
        lane_sum[kLanes<T>], lane_best[kLanes<T>], lane_below[kLanes<T>];
    for (index q = 0; q < kLanes<T>; ++q) {
      scale[q] = s.scale;
      if (q >= lanes.count) continue;
      if (s.weights != nullptr) scale[q] *= s.weights[(j + q) * s.weights_stride];
      label_logit[q] = z[s.labels[(j + q) * s.labels_stride] * s.logits_stride + q];
    }
    const Vec<T> sum =
        column_exp(lanes, m, z, s.logits_stride, largest, gradient, s.gradient_stride);
    store(lane_largest, largest);
    store(lane_sum, sum);
    store(lane_best, best);
    store(lane_below, below);

    const Vec<T> inverse = broadcast(T{1}) / sum, factor = load(scale), uniform = broadcast(spread);
    for (index q = 0; q < lanes.count; ++q) {
      finish_sample(s, j + q, lane_largest[q], static_cast<index>(lane_best[q]), label_logit[q],
                    lane_sum[q], lane_below[q]);
      // From here on label_logit holds the gradient at the label: 1 - p needs more care than p.
      const T e = gradient[s.labels[(j + q) * s.labels_stride] * s.gradient_stride + q];
      label_logit[q] = scale[q] * (e / lane_sum[q] - spread - (1 - s.label_smoothing));
    }
    for (index i = 0; i < m; ++i) {
      T* g = gradient + i * s.gradient_stride;
      lanes.store_to(g, factor * (lanes.load_from(g) * inverse - uniform));
    }
    for (index q = 0; q < lanes.count; ++q)
      gradient[s.labels[(j + q) * s.labels_stride] * s.gradient_stride + q] = label_logit[q];
  }
}

template <class T>
LAMELLA_INLINE void accumulate(T alpha, T sum, T beta, T* out) {
  const T value = alpha * sum;
  *out = beta != 0 ? value + beta * *out : value;
}

template <class T>
LAMELLA_KERNEL void row_sums(index m, index n, T alpha, const T* a, index lda, T beta, T* sums,
                             index sums_stride) {
  for (index i = 0; i < m; ++i) {
    Vec<T> sum[kPartials];
    unroll<kPartials>([&](auto q) LAMELLA_INLINE_LAMBDA { sum[q] = broadcast(T{0}); });
    sweep_row(n, a + i * lda, T{0},
              [&](Vec<T> v, auto q, index, index) LAMELLA_INLINE_LAMBDA { sum[q] = sum[q] + v; });
    accumulate(alpha, sum_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3])), beta,
               sums + i * sums_stride);
  }
}

template <class T>
LAMELLA_KERNEL void column_sums(index m, index n, T alpha, const T* a, index lda, T beta, T* sums) {
  for (index j = 0; j < n; j += kLanes<T>) {
    const Lanes<T> lanes{n - j < kLanes<T> ? n - j : kLanes<T>};
    Vec<T> total = broadcast(T{0});
    for (index start = 0; start < m; start += kSumBlock) {
      const index end = m - start < kSumBlock ? m : start + kSumBlock;
      Vec<T> sum = broadcast(T{0});
      for (index i = start; i < end; ++i) sum = sum + lanes.load_from(a + i * lda + j);
      total = total + sum;
    }
    alignas(64) T lane[kLanes<T>];
    store(lane, total);
    for (index q = 0; q < lanes.count; ++q) accumulate(alpha, lane[q], beta, sums + j + q);
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_ROWS_H_
