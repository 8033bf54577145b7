// Products of small k: all of a panel of B stands in registers while rows of C pass.
//
// A tile of the micro-kernel ends after a few steps then, and all of its vectors are stored at
// once, at the cost of more than a multiply-add each. Here two are stored, again and again, between
// multiply-adds.
#ifndef LAMELLA_BACKENDS_SIMD_GEMM_SMALL_K_H_
#define LAMELLA_BACKENDS_SIMD_GEMM_SMALL_K_H_

#include "backends/simd/gemm_epilogue.h"
#include "backends/simd/micro_kernel_loop.h"

namespace lamella::backends {
namespace {

/// The greatest k: kSmallK x kVectors vectors of B, kVectors sums, one of A and one more must be
/// registers. 0: the unit has too few.
#ifndef LAMELLA_SIMD_SMALL_K
#define LAMELLA_SIMD_SMALL_K 0
#endif
inline constexpr int kSmallK = LAMELLA_SIMD_SMALL_K;

/// Fewer rows do not repay the loads of B.
inline constexpr index kFewestSmallKRows = 8;

/// Rows that pass before the next panel of B, so that their pages of C stay in the TLB
/// (docs/performance/log.md#small-k).
inline constexpr index kSmallKRows = 16;

/// Rows x one panel of C.
template <int kK, class T>
LAMELLA_KERNEL void gemm_small_k_panel(const GemmBlock<T>& g, StoreMode store_mode, index row,
                                       index rows, index column) {
  Vec<T> b[kK][kVectors];
  const T* const panel = g.b.panels + column / kPanel<T> * g.b.panel_stride;
  unroll<kK>([&](auto p) LAMELLA_INLINE_LAMBDA {
    unroll<kVectors>([&](auto v) LAMELLA_INLINE_LAMBDA {
      b[p][v] = load(panel + p * g.b.row_stride + v * kLanes<T>);
    });
  });
  const index a_col = g.a.col_stride;
  const T* a = g.a.data + row * g.a.row_stride;
  T* c = g.c + row * g.c_row_stride + column;
  const auto each_row = [&](auto&& finish) LAMELLA_INLINE_LAMBDA {
    for (const index end = row + rows; row < end; ++row) {
      Vec<T> acc[1][kVectors];
      unroll<kVectors>([&](auto v) LAMELLA_INLINE_LAMBDA { acc[0][v] = broadcast(T{0}); });
      unroll<kK>([&](auto p) LAMELLA_INLINE_LAMBDA {
        constexpr int kBase = p / kRowsPerBase, kRest = p % kRowsPerBase;
        const Vec<T> ap = broadcast((a + kBase * kRowsPerBase * a_col)[kRest * a_col]);
        unroll<kVectors>([&](auto v)
                             LAMELLA_INLINE_LAMBDA { acc[0][v] = fma<T>(ap, b[p][v], acc[0][v]); });
      });
      finish(acc);
      store_tile(c, g.c_row_stride, acc);
      a += g.a.row_stride;
      c += g.c_row_stride;
    }
  };
  if (store_mode == StoreMode::store && g.epilogue.steps == 0)
    return each_row([](auto&) LAMELLA_INLINE_LAMBDA {});
  const bool accumulates = store_mode == StoreMode::accumulate;
  const TileEpilogue<T> e = g.epilogue;
  each_row([&](Vec<T>(&acc)[1][kVectors]) LAMELLA_INLINE_LAMBDA {
    if (accumulates) accumulate_tile(g.alpha, c, g.c_row_stride, acc);
    tile_epilogue<EpilogueCode::relu_only>(e, row, column, acc);
  });
}

template <class T>
using SmallKKernel = void (*)(const GemmBlock<T>&, StoreMode, index row, index rows, index column);

/// small_k_kernels<T>.at[k - 1]
template <class T, int kDepth = kSmallK>
struct SmallKKernels {
  SmallKKernel<T> at[kDepth];

  template <int kK = 1>
  constexpr void fill() {
    at[kK - 1] = gemm_small_k_panel<kK, T>;
    if constexpr (kK < kDepth) fill<kK + 1>();
  }
  constexpr SmallKKernels() : at() { fill(); }
};
template <class T>
constexpr SmallKKernels<T> small_k_kernels{};

/// Whether gemm_small_k can do the whole panels of a block: operands in place or packed, nothing to
/// pack, and the usual store modes and epilogues.
template <class T>
LAMELLA_INLINE bool has_small_k_form(const GemmBlock<T>& g, StoreMode store_mode) {
  if (kSmallK == 0 || g.k == 0 || g.k > kSmallK || g.m < kFewestSmallKRows) return false;
  if (g.a.access != AccessA::in_place) return false;
  if (g.b.access != AccessB::in_place && g.b.access != AccessB::packed) return false;
  if (store_mode != StoreMode::store && store_mode != StoreMode::accumulate) return false;
  const TileEpilogue<T>& e = g.epilogue;
  return ((e.steps & kApplyActivation) == 0 || e.activation == kRelu) &&
         ((e.steps & kMultiplyDerivative) == 0 || e.backward_of == kRelu);
}

/// The whole panels of C; returns the column where they end.
template <class T>
LAMELLA_INLINE index gemm_small_k(const GemmBlock<T>& g, StoreMode store_mode) {
  const index end = g.n / kPanel<T> * kPanel<T>;
  if constexpr (kSmallK > 0) {
    for (index row = 0; row < g.m; row += kSmallKRows) {
      const index rows = g.m - row < kSmallKRows ? g.m - row : kSmallKRows;
      for (index column = 0; column < end; column += kPanel<T>)
        small_k_kernels<T>.at[g.k - 1](g, store_mode, row, rows, column);
    }
  }
  return end;
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_GEMM_SMALL_K_H_
