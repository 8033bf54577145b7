// Products by dot products, lanes along k: nothing is packed or transposed. One vector (gemv), or a
// few rows (gemm_small_m), whose use would not repay the packing that the macro-kernel needs.
#ifndef LAMELLA_BACKENDS_SIMD_GEMM_SMALL_M_H_
#define LAMELLA_BACKENDS_SIMD_GEMM_SMALL_M_H_

#include "backends/simd/lane_sums.h"

namespace lamella::backends {
namespace {

/// Rows of a matrix-vector product that are computed together share the loads of x; each row keeps
/// kGemvPartials sums, enough to cover the latency of the multiply-adds.
inline constexpr int kGemvRows = 4;
inline constexpr int kGemvPartials = 2;

template <int kM, class T>
LAMELLA_INLINE void gemv_rows(index k, T alpha, const T* a, index lda, const T* x, T beta, T* y,
                              index y_stride) {
  constexpr index kStep = kGemvPartials * kLanes<T>;
  Vec<T> sum[kM][kGemvPartials];
  unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
    unroll<kGemvPartials>([&](auto q) LAMELLA_INLINE_LAMBDA { sum[i][q] = broadcast(T{0}); });
  });
  index p = 0;
  for (; p + kStep <= k; p += kStep)
    unroll<kGemvPartials>([&](auto q) LAMELLA_INLINE_LAMBDA {
      const Vec<T> xv = load(x + p + q * kLanes<T>);
      unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
        sum[i][q] = fma<T>(load(a + i * lda + p + q * kLanes<T>), xv, sum[i][q]);
      });
    });
  for (; p < k; p += kLanes<T>) {
    const index count = k - p < kLanes<T> ? k - p : kLanes<T>;
    const bool whole = count == kLanes<T>;
    const Vec<T> xv = whole ? load(x + p) : load_n(x + p, count);
    unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
      const T* from = a + i * lda + p;
      sum[i][0] = fma<T>(whole ? load(from) : load_n(from, count), xv, sum[i][0]);
    });
  }
  unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
    T* out = y + i * y_stride;
    const T value = alpha * sum_lanes<T>(sum[i][0] + sum[i][1]);
    *out = beta != 0 ? value + beta * *out : value;
  });
}

template <class T>
LAMELLA_KERNEL void gemv(index m, index k, T alpha, const T* a, index lda, const T* x, T beta, T* y,
                         index y_stride) {
  index i = 0;
  for (; i + kGemvRows <= m; i += kGemvRows)
    gemv_rows<kGemvRows>(k, alpha, a + i * lda, lda, x, beta, y + i * y_stride, y_stride);
  for (; i < m; ++i) gemv_rows<1>(k, alpha, a + i * lda, lda, x, beta, y + i * y_stride, y_stride);
}

/// Dot products that are computed together: rows of A x rows of B. Twelve sums cover the latency of
/// the multiply-adds; with the operands they fill 16 registers. Units with 32 registers define
/// their own.
#ifndef LAMELLA_SIMD_SMALL_M_ROWS
#define LAMELLA_SIMD_SMALL_M_ROWS 4
#define LAMELLA_SIMD_SMALL_M_COLUMNS 3
#endif
inline constexpr int kDotRows = LAMELLA_SIMD_SMALL_M_ROWS;
inline constexpr int kDotColumns = LAMELLA_SIMD_SMALL_M_COLUMNS;

/// C ← sums + beta C for a tile of kM x kN, whose sums lie row by row.
template <int kM, int kN, class T>
LAMELLA_INLINE void update_tile(const SmallMBlock<T>& g, const T* sums, T* c) {
  const index c_row = g.c_row_stride, c_col = g.c_col_stride;
  const T beta = g.beta;
  if constexpr (kN == 2 || kN == 4) {
    if (c_col == 1) {
      using Row __attribute__((vector_size(kN * sizeof(T)))) = T;
      unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
        Row row, old;
        __builtin_memcpy(&row, sums + i * kN, sizeof(Row));
        if (beta != 0) {
          __builtin_memcpy(&old, c + i * c_row, sizeof(Row));
          row = row + beta * old;
        }
        __builtin_memcpy(c + i * c_row, &row, sizeof(Row));
      });
      return;
    }
  }
  const auto each = [&](const auto& body) LAMELLA_INLINE_LAMBDA {
    unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
      unroll<kN>([&](auto j)
                     LAMELLA_INLINE_LAMBDA { body(c[i * c_row + j * c_col], sums[i * kN + j]); });
    });
  };
  if (beta == 0)
    each([](T& out, T value) LAMELLA_INLINE_LAMBDA { out = value; });
  else
    each([beta](T& out, T value) LAMELLA_INLINE_LAMBDA { out = value + beta * out; });
}

template <int kM, int kN, class T>
LAMELLA_INLINE void dots_tile(const SmallMBlock<T>& g, index row, index column) {
  const index lda = g.a_row_stride, ldb = g.b_row_stride;
  const T* a = g.a + row * lda;
  const T* b = g.b + column * ldb;
  Vec<T> sum[kN][kM];
  unroll<kN>([&](auto j) LAMELLA_INLINE_LAMBDA {
    unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA { sum[j][i] = broadcast(T{0}); });
  });
  const auto step = [&](const auto& get) LAMELLA_INLINE_LAMBDA {
    Vec<T> bv[kN];
    unroll<kN>([&](auto j) LAMELLA_INLINE_LAMBDA { bv[j] = get(b + j * ldb); });
    unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
      const Vec<T> av = get(a + i * lda);
      unroll<kN>([&](auto j) LAMELLA_INLINE_LAMBDA { sum[j][i] = fma<T>(av, bv[j], sum[j][i]); });
    });
  };
  index p = g.k;
  for (; p >= kLanes<T>; p -= kLanes<T>, a += kLanes<T>, b += kLanes<T>)
    step([](const T* from) LAMELLA_INLINE_LAMBDA { return load(from); });
  if (p > 0) step([p](const T* from) LAMELLA_INLINE_LAMBDA { return load_n(from, p); });

  Raw<T> vectors[kM * kN];
  unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
    unroll<kN>([&](auto j) LAMELLA_INLINE_LAMBDA { vectors[i * kN + j] = raw<T>(sum[j][i]); });
  });
  constexpr index kSums = (kM * kN + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  alignas(64) T sums[kSums];
  sums_of_lanes<1, T>(vectors, g.alpha, sums);
  update_tile<kM, kN>(g, sums, g.c + row * g.c_row_stride + column * g.c_col_stride);
}

/// body(Index<n>) for the n that equals `count`, 1 <= n <= kMost.
template <int kMost, class Body>
LAMELLA_INLINE void with_count(index count, const Body& body) {
  if constexpr (kMost > 1)
    if (count < kMost) return with_count<kMost - 1>(count, body);
  body(Index<kMost>{});
}

/// Rows of A, in tiles, by kN rows of B, which stay in L1 meanwhile. Tiles differ by one row at
/// most: a low one has too few sums to cover the latency of the multiply-adds.
template <int kN, class T>
LAMELLA_INLINE void dots_column(const SmallMBlock<T>& g, index column) {
  index row = 0;
  for (index tiles = (g.m + kDotRows - 1) / kDotRows; tiles > 0; --tiles) {
    const index rows = (g.m - row + tiles - 1) / tiles;
    with_count<kDotRows>(
        rows, [&](auto m) LAMELLA_INLINE_LAMBDA { dots_tile<m.value, kN, T>(g, row, column); });
    row += rows;
  }
}

template <class T>
LAMELLA_KERNEL void gemm_small_m(const SmallMBlock<T>& g) {
  index column = 0;
  for (; column + kDotColumns <= g.n; column += kDotColumns) dots_column<kDotColumns>(g, column);
  if (column + 2 <= g.n) {
    dots_column<2>(g, column);
    column += 2;
  }
  if (column < g.n) dots_column<1>(g, column);
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_GEMM_SMALL_M_H_
