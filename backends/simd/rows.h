// Kernels that reduce: softmax, softmax + negative log-likelihood + gradient, sums of rows and
// columns.
//
// Two forms of each: over contiguous rows (lanes along a row, one reduction across lanes at its
// end) and over columns (lanes across samples, no reduction across lanes at all).
#ifndef LAMELLA_BACKENDS_SIMD_ROWS_H_
#define LAMELLA_BACKENDS_SIMD_ROWS_H_

#include "backends/simd/elementwise.h"
#include "backends/simd/lane_sums.h"

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
    unroll<kPartials>([&](int q) LAMELLA_INLINE_LAMBDA {
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
  unroll<kPartials>([&](int q)
                        LAMELLA_INLINE_LAMBDA { best[q] = broadcast(static_cast<T>(-INFINITY)); });
  sweep_row(n, z, static_cast<T>(-INFINITY),
            [&](Vec<T> v, auto q, index, index)
                LAMELLA_INLINE_LAMBDA { best[q] = xsimd::max(v, best[q]); });
  return max_lanes<T>(xsimd::max(xsimd::max(best[0], best[1]), xsimd::max(best[2], best[3])));
}

/// out[j] ← exp(z[j] - shift); returns the sum. z and out may be the same.
///
/// The rows z_ahead and out_ahead elements further on are fetched meanwhile. Otherwise the maximum
/// and the exponentials would wait for memory in turn with computing
/// (docs/performance/log.md#softmax-and-loss).
template <class T>
LAMELLA_INLINE T row_exp(index n, const T* z, T shift, T* out, index z_ahead, index out_ahead) {
  constexpr index kRound = kPartials * kLanes<T>;
  const Vec<T> s = broadcast(shift);
  Vec<T> sum[kPartials];
  unroll<kPartials>([&](int q) LAMELLA_INLINE_LAMBDA { sum[q] = broadcast(T{0}); });
  index j = 0;
  for (; j + kRound <= n; j += kRound)
    unroll<kPartials / kTogether>([&](auto group) LAMELLA_INLINE_LAMBDA {
      constexpr int kFirst = group * kTogether;
      const index at = j + kFirst * kLanes<T>;
      Vec<T> e[kTogether];
      unroll<kTogether>([&](int q) LAMELLA_INLINE_LAMBDA {
        e[q] = load(z + at + q * kLanes<T>) - s;
        __builtin_prefetch(z + z_ahead + at + q * kLanes<T>);
        __builtin_prefetch(out + out_ahead + at + q * kLanes<T>, 1);
      });
      exp_nonpositive<kTogether, T>(e);
      unroll<kTogether>([&](int q) LAMELLA_INLINE_LAMBDA {
        store(out + at + q * kLanes<T>, e[q]);
        sum[kFirst + q] = sum[kFirst + q] + e[q];
      });
    });
  T tail = 0;
  for (; j < n; j += kLanes<T>) {
    const index count = n - j < kLanes<T> ? n - j : kLanes<T>;
    Vec<T> e[1] = {(count == kLanes<T> ? load(z + j) : load_n(z + j, count)) - s};
    exp_nonpositive<1, T>(e);
    if (count == kLanes<T>) {
      store(out + j, e[0]);
      sum[0] = sum[0] + e[0];
    } else {
      store_n(out + j, count, e[0]);
      for (index i = 0; i < count; ++i) tail += out[j + i];
    }
  }
  return sum_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3])) + tail;
}

template <class T>
LAMELLA_KERNEL void softmax_rows(index m, index n, const T* z, index ldz, T* p, index ldp) {
  for (index i = 0; i < m; ++i) {
    const bool more = i + 1 < m;
    const T sum = row_exp(n, z + i * ldz, row_max(n, z + i * ldz), p + i * ldp, more ? ldz : 0,
                          more ? ldp : 0);
    const Vec<T> factor = broadcast(1 / sum);
    map(n, p + i * ldp, p + i * ldp, [&](Vec<T> v) LAMELLA_INLINE_LAMBDA { return v * factor; });
  }
}

/// Loads and stores of one group of columns: a whole vector of them, or the last n % lanes.
template <class T, bool kWhole>
struct Lanes {
  index count;
  LAMELLA_INLINE Vec<T> load_from(const T* p) const {
    if constexpr (kWhole)
      return load(p);
    else
      return load_n(p, count);
  }
  LAMELLA_INLINE void store_to(T* p, Vec<T> v) const {
    if constexpr (kWhole)
      store(p, v);
    else
      store_n(p, count, v);
  }
};

/// body(lanes, first column) for n columns, a vector of them at a time.
template <class T, class Body>
LAMELLA_INLINE void for_lanes(index n, const Body& body) {
  index j = 0;
  for (; j + kLanes<T> <= n; j += kLanes<T>) body(Lanes<T, true>{kLanes<T>}, j);
  if (j < n) body(Lanes<T, false>{n - j}, j);
}

/// Sums down a column are kept in blocks of this many rows: the error of a sum of 1000 terms stays
/// within an ulp or two instead of growing with their number.
inline constexpr index kSumBlock = 32;

/// Columns whose running values are kept at a time: rows are read in runs of 2 KiB instead of one
/// vector from each. A column of a matrix with a power of two between rows lies in a handful of
/// cache sets; 14 cycles an element went down to 3 for a softmax over 1000 classes.
template <class T>
inline constexpr index kStrip = 2048 / sizeof(T);

/// Rows of a strip that are read side by side: with a power of two between them they share a cache
/// set, which holds eight lines.
inline constexpr index kRowsAtOnce = 4;

/// body(start, end) for blocks of rows in [first, last).
template <class Body>
LAMELLA_INLINE void for_row_blocks(index first, index last, index block, const Body& body) {
  for (index start = first; start < last; start += block)
    body(start, last - start < block ? last : start + block);
}

/// e(i) ← exp(z(i) - max) down some rows of one group of columns, added to `sum` one by one. z and
/// e may be the same.
template <class T, bool kWhole>
LAMELLA_INLINE Vec<T> column_exp(const Lanes<T, kWhole>& lanes, index rows, const T* z, index ldz,
                                 Vec<T> shift, T* e, index lde, Vec<T> sum) {
  const auto some = [&](auto count) LAMELLA_INLINE_LAMBDA {
    Vec<T> v[count];
    unroll<count>([&](auto q)
                      LAMELLA_INLINE_LAMBDA { v[q] = lanes.load_from(z + q * ldz) - shift; });
    exp_nonpositive<count, T>(v);
    unroll<count>([&](auto q) LAMELLA_INLINE_LAMBDA {
      lanes.store_to(e + q * lde, v[q]);
      sum = sum + v[q];
    });
    z += count * ldz;
    e += count * lde;
  };
  for (; rows >= kTogether; rows -= kTogether) some(Index<kTogether>{});
  for (; rows > 0; --rows) some(Index<1>{});
  return sum;
}

/// A running value of each of n columns of a strip.
template <class T>
struct StripValues {
  index n;
  alignas(64) T at[kStrip<T>];

  LAMELLA_INLINE void set(T value) {
    for (index j = 0; j < n; j += kLanes<T>) store(at + j, broadcast(value));
  }
  LAMELLA_INLINE void add(const StripValues& other) {
    for (index j = 0; j < n; j += kLanes<T>) store(at + j, load(at + j) + load(other.at + j));
  }
};

/// At most kStrip columns.
template <class T>
LAMELLA_INLINE void softmax_strip(index m, index n, const T* z, index ldz, T* p, index ldp) {
  StripValues<T> best, sum, block_sum;
  best.n = sum.n = block_sum.n = n;
  best.set(static_cast<T>(-INFINITY));
  for_row_blocks(0, m, kRowsAtOnce, [&](index start, index end) LAMELLA_INLINE_LAMBDA {
    for_lanes<T>(n, [&](auto lanes, index j) LAMELLA_INLINE_LAMBDA {
      Vec<T> largest = load(best.at + j);
      for (index i = start; i < end; ++i) {
        const Vec<T> v = lanes.load_from(z + i * ldz + j);
        largest = xsimd::select(v > largest, v, largest);
      }
      store(best.at + j, largest);
    });
  });
  sum.set(0);
  for_row_blocks(0, m, kSumBlock, [&](index first, index last) LAMELLA_INLINE_LAMBDA {
    block_sum.set(0);
    for_row_blocks(first, last, kRowsAtOnce, [&](index start, index end) LAMELLA_INLINE_LAMBDA {
      for_lanes<T>(n, [&](auto lanes, index j) LAMELLA_INLINE_LAMBDA {
        store(block_sum.at + j,
              column_exp(lanes, end - start, z + start * ldz + j, ldz, load(best.at + j),
                         p + start * ldp + j, ldp, load(block_sum.at + j)));
      });
    });
    sum.add(block_sum);
  });
  for (index j = 0; j < n; j += kLanes<T>)
    store(sum.at + j, quotient(broadcast(T{1}), load(sum.at + j)));
  for_row_blocks(0, m, kRowsAtOnce, [&](index start, index end) LAMELLA_INLINE_LAMBDA {
    for_lanes<T>(n, [&](auto lanes, index j) LAMELLA_INLINE_LAMBDA {
      const Vec<T> factor = load(sum.at + j);
      for (index i = start; i < end; ++i)
        lanes.store_to(p + i * ldp + j, lanes.load_from(p + i * ldp + j) * factor);
    });
  });
}

template <class T>
LAMELLA_KERNEL void softmax_columns(index m, index n, const T* z, index ldz, T* p, index ldp) {
  for (index j = 0; j < n; j += kStrip<T>)
    softmax_strip(m, n - j < kStrip<T> ? n - j : kStrip<T>, z + j, ldz, p + j, ldp);
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
    const bool more = i + 1 < s.samples;
    const T sum =
        row_exp(n, z, largest, gradient, more ? s.logits_stride : 0, more ? s.gradient_stride : 0);
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

/// Values of neighbouring samples, one a lane. A vector built from scalars in memory waits until
/// these have left the store buffer, so contiguous ones are loaded as vectors.
template <class T, bool kWhole, class From>
LAMELLA_INLINE Vec<T> values_of(Lanes<T, kWhole> lanes, const From* p, index stride) {
  if constexpr (sizeof(From) == sizeof(T)) {
    if constexpr (From(0.5) == T(0.5)) {
      if (stride == 1) return lanes.load_from(p);
    } else if constexpr (kWhole) {
      if (stride == 1) return xsimd::to_float(Vec<From>::load_unaligned(p));
    }
  }
  alignas(64) T lane[kLanes<T>] = {};
  for (index q = 0; q < lanes.count; ++q) lane[q] = static_cast<T>(p[q * stride]);
  return load(lane);
}

/// The way back.
template <class T, bool kWhole, class To>
LAMELLA_INLINE void set_values(Lanes<T, kWhole> lanes, Vec<T> v, To* p, index stride) {
  if constexpr (sizeof(To) == sizeof(T)) {
    if constexpr (To(0.5) == T(0.5)) {
      if (stride == 1) return lanes.store_to(p, v);
    } else if constexpr (kWhole) {
      if (stride == 1) return xsimd::to_int(v).store_unaligned(p);
    }
  }
  alignas(64) T lane[kLanes<T>];
  store(lane, v);
  for (index q = 0; q < lanes.count; ++q) p[q * stride] = static_cast<To>(lane[q]);
}

/// Up to this many classes, what belongs to a sample's label is picked out by comparing every class
/// with it: two instructions a class instead of a load, a store and a wait for each sample. With
/// doubles, whose labels have to be widened through memory, nothing is gained.
template <class T>
inline constexpr index kComparedClasses = sizeof(T) == sizeof(int32_t) ? 32 : 0;

/// One vector of samples, each in a lane; see SoftmaxNll for the formulas.
template <class T, bool kWhole>
LAMELLA_INLINE void softmax_nll_lanes(const SoftmaxNllBlock<T>& s, Lanes<T, kWhole> lanes,
                                      index j) {
  const index m = s.classes;
  const T* z = s.logits + j;
  T* gradient = s.gradient + j;
  const int32_t* labels = s.labels + j * s.labels_stride;
  const bool compares = m <= kComparedClasses<T>;
  // Classes are counted in T: exact up to 2^24 of them.
  const Vec<T> label = compares ? values_of(lanes, labels, s.labels_stride) : broadcast(T{0});
  const auto number = [](index i) LAMELLA_INLINE_LAMBDA { return broadcast(static_cast<T>(i)); };
  const auto pick = [&](const T* from, index stride) LAMELLA_INLINE_LAMBDA {
    alignas(64) T lane[kLanes<T>] = {};
    for (index q = 0; q < lanes.count; ++q)
      lane[q] = from[labels[q * s.labels_stride] * stride + q];
    return load(lane);
  };

  // The first largest logit of each sample, and the one at its label.
  Vec<T> largest = broadcast(static_cast<T>(-INFINITY)), best = broadcast(T{0}), logit = best;
  for (index i = 0; i < m; ++i) {
    const Vec<T> v = lanes.load_from(z + i * s.logits_stride);
    const auto higher = v > largest;
    largest = xsimd::select(higher, v, largest);
    best = xsimd::select(higher, number(i), best);
    if (compares) logit = xsimd::select(label == number(i), v, logit);
  }
  if (!compares) logit = pick(z, s.logits_stride);
  Vec<T> below = broadcast(T{0});
  if (s.label_smoothing != 0)
    for (index i = 0; i < m; ++i)
      below = below + (lanes.load_from(z + i * s.logits_stride) - largest);

  Vec<T> sum = broadcast(T{0});
  for_row_blocks(0, m, kSumBlock, [&](index start, index end) LAMELLA_INLINE_LAMBDA {
    sum =
        sum + column_exp(lanes, end - start, z + start * s.logits_stride, s.logits_stride, largest,
                         gradient + start * s.gradient_stride, s.gradient_stride, broadcast(T{0}));
  });

  const T spread = s.label_smoothing / static_cast<T>(m), certain = 1 - s.label_smoothing;
  const Vec<T> weight = s.weights != nullptr
                            ? values_of(lanes, s.weights + j * s.weights_stride, s.weights_stride)
                            : broadcast(T{1});
  Vec<T> loss = fma(broadcast(certain), largest - logit, log_from_one<T>(sum));
  if (s.label_smoothing != 0)  // the test keeps 0 * inf out for logits of -inf
    loss = loss - broadcast(spread) * below;
  set_values(lanes, weight * loss, s.losses + j * s.losses_stride, s.losses_stride);
  if (s.predictions != nullptr)
    set_values(lanes, best, s.predictions + j * s.predictions_stride, s.predictions_stride);

  // At the label it is 1 - p that counts, which needs more care than p.
  const Vec<T> inverse = quotient(broadcast(T{1}), sum), uniform = broadcast(spread);
  const Vec<T> factor = broadcast(s.scale) * weight;
  const auto at_label = [&](Vec<T> e) LAMELLA_INLINE_LAMBDA {
    return factor * (quotient(e, sum) - broadcast(spread + certain));
  };
  const auto each = [&](const auto& body) LAMELLA_INLINE_LAMBDA {
    for (index i = 0; i < m; ++i) {
      T* g = gradient + i * s.gradient_stride;
      body(i, g, lanes.load_from(g));
    }
  };
  if (compares) {
    Vec<T> e = broadcast(T{0});
    each([&](index i, const T*, Vec<T> v)
             LAMELLA_INLINE_LAMBDA { e = xsimd::select(label == number(i), v, e); });
    const Vec<T> special = at_label(e);
    each([&](index i, T* g, Vec<T> v) LAMELLA_INLINE_LAMBDA {
      lanes.store_to(g,
                     xsimd::select(label == number(i), special, factor * (v * inverse - uniform)));
    });
    return;
  }
  const Vec<T> special = at_label(pick(gradient, s.gradient_stride));
  each([&](index, T* g, Vec<T> v)
           LAMELLA_INLINE_LAMBDA { lanes.store_to(g, factor * (v * inverse - uniform)); });
  alignas(64) T lane[kLanes<T>];
  store(lane, special);
  for (index q = 0; q < lanes.count; ++q)
    gradient[labels[q * s.labels_stride] * s.gradient_stride + q] = lane[q];
}

template <class T>
LAMELLA_KERNEL void softmax_nll_columns(const SoftmaxNllBlock<T>& s) {
  for_lanes<T>(s.samples,
               [&](auto lanes, index j) LAMELLA_INLINE_LAMBDA { softmax_nll_lanes(s, lanes, j); });
}

template <class T>
LAMELLA_INLINE void accumulate(T alpha, T sum, T beta, T* out) {
  const T value = alpha * sum;
  *out = beta != 0 ? value + beta * *out : value;
}

template <class T>
LAMELLA_KERNEL void row_sums(index m, index n, T alpha, const T* a, index lda, T beta, T* sums,
                             index sums_stride) {
  // As many rows as a vector has lanes at a time. One by one, the sum across lanes would take most
  // of the time of short rows.
  Raw<T> row_sum[kLanes<T>] = {};
  for (index i = 0; i < m; i += kLanes<T>) {
    const index rows = m - i < kLanes<T> ? m - i : kLanes<T>;
    for (index r = 0; r < rows; ++r) {
      Vec<T> sum[kPartials];
      unroll<kPartials>([&](int q) LAMELLA_INLINE_LAMBDA { sum[q] = broadcast(T{0}); });
      sweep_row(n, a + (i + r) * lda, T{0},
                [&](Vec<T> v, auto q, index, index) LAMELLA_INLINE_LAMBDA { sum[q] = sum[q] + v; });
      const Vec<T> whole = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      __builtin_memcpy(&row_sum[r], &whole, sizeof(whole));
    }
    alignas(64) T values[kLanes<T>];
    sums_of_lanes<1, T>(row_sum, T{1}, values);
    for (index r = 0; r < rows; ++r)
      accumulate(alpha, values[r], beta, sums + (i + r) * sums_stride);
  }
}

template <class T>
LAMELLA_KERNEL void column_sums(index m, index n, T alpha, const T* a, index lda, T beta, T* sums) {
  StripValues<T> total, block;
  for (index column = 0; column < n; column += kStrip<T>) {
    const index columns = n - column < kStrip<T> ? n - column : kStrip<T>;
    total.n = block.n = columns;
    total.set(0);
    for_row_blocks(0, m, kSumBlock, [&](index first, index last) LAMELLA_INLINE_LAMBDA {
      block.set(0);
      for_row_blocks(first, last, kRowsAtOnce, [&](index start, index end) LAMELLA_INLINE_LAMBDA {
        for_lanes<T>(columns, [&](auto lanes, index j) LAMELLA_INLINE_LAMBDA {
          Vec<T> sum = load(block.at + j);
          for (index i = start; i < end; ++i) sum = sum + lanes.load_from(a + i * lda + column + j);
          store(block.at + j, sum);
        });
      });
      total.add(block);
    });
    for (index j = 0; j < columns; ++j) accumulate(alpha, total.at[j], beta, sums + column + j);
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_ROWS_H_
