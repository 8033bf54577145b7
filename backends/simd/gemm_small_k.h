// Products of little depth: all of a panel of B stands in registers while rows of C pass.
//
// A tile of gemm.h ends after a few steps then, and all of its vectors are stored at once, at the
// cost of more than a multiply-add each; here two are, again and again, between multiply-adds.
// 128 x 256 x 10 from 82 to 94 % of peak (AVX-512, Zen 4).
#ifndef LAMELLA_BACKENDS_SIMD_GEMM_SMALL_K_H_
#define LAMELLA_BACKENDS_SIMD_GEMM_SMALL_K_H_

#include "backends/simd/gemm_epilogue.h"
#include "backends/simd/micro_kernel_loop.h"

namespace lamella::backends {
namespace {

/// The greatest depth: kShortDepth x kVectors vectors of B, kVectors sums, one of A and one more
/// must be registers. 0: the unit has too few.
#ifndef LAMELLA_SIMD_SHORT_DEPTH
#define LAMELLA_SIMD_SHORT_DEPTH 0
#endif
inline constexpr int kShortDepth = LAMELLA_SIMD_SHORT_DEPTH;

/// Fewer rows do not repay the loads of B.
inline constexpr index kFewestShortRows = 8;

/// Rows that pass before the next panel of B: their pages of C stay in the TLB. 64 are 0.5 % faster
/// where C is in L2, and at 78 instead of 91 % at 2000 x 2000 x 10 (Zen 4).
inline constexpr index kShortRows = 16;

/// Rows x one panel of C.
template <int kK, class T>
LAMELLA_KERNEL void gemm_short_panel(const GemmBlock<T>& g, Ending ending, index row, index rows,
                                     index column) {
  Vec<T> b[kK][kVectors];
  const T* const panel = g.b + column / kPanel<T> * g.b_panel_stride;
  unroll<kK>([&](auto p) LAMELLA_INLINE_LAMBDA {
    unroll<kVectors>([&](auto v) LAMELLA_INLINE_LAMBDA {
      b[p][v] = load(panel + p * g.b_row_stride + v * kLanes<T>);
    });
  });
  const index a_col = g.a_col_stride;
  const T* a = g.a + row * g.a_row_stride;
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
      a += g.a_row_stride;
      c += g.c_row_stride;
    }
  };
  if (ending == Ending::store && g.epilogue == nullptr)
    return each_row([](auto&) LAMELLA_INLINE_LAMBDA {});
  const bool accumulates = ending == Ending::accumulate;
  const TileEpilogue<T> e = g.epilogue != nullptr ? *g.epilogue : TileEpilogue<T>{};
  each_row([&](Vec<T>(&acc)[1][kVectors]) LAMELLA_INLINE_LAMBDA {
    if (accumulates) accumulate_tile(g.alpha, c, g.c_row_stride, acc);
    tile_epilogue<true>(e, row, column, acc);
  });
}

template <class T>
using ShortKernel = void (*)(const GemmBlock<T>&, Ending, index row, index rows, index column);

/// at[k - 1]
template <class T, int kDepth = kShortDepth>
struct ShortKernels {
  ShortKernel<T> at[kDepth];

  template <int kK = 1>
  constexpr void fill() {
    at[kK - 1] = gemm_short_panel<kK, T>;
    if constexpr (kK < kDepth) fill<kK + 1>();
  }
  constexpr ShortKernels() : at() { fill(); }
};
template <class T>
constexpr ShortKernels<T> short_kernels{};

/// Whether gemm_short can do the whole panels of a block: operands in place, nothing to pack, and
/// an ending that is common.
template <class T>
LAMELLA_INLINE bool is_short(const GemmBlock<T>& g, Ending ending) {
  if (kShortDepth == 0 || g.k == 0 || g.k > kShortDepth || g.m < kFewestShortRows) return false;
  if (g.a_tile_stride != 0 || g.a_copy != nullptr || g.b_source != nullptr ||
      g.b_samples != nullptr)
    return false;
  if (ending != Ending::store && ending != Ending::accumulate) return false;
  const TileEpilogue<T>* e = g.epilogue;
  return e == nullptr || ((e->activation == kIdentity || e->activation == kRelu) &&
                          (e->activation_output == nullptr || e->backward_of == kRelu));
}

/// The whole panels of C; returns the column where they end.
template <class T>
LAMELLA_INLINE index gemm_short(const GemmBlock<T>& g, Ending ending) {
  const index end = g.n / kPanel<T> * kPanel<T>;
  if constexpr (kShortDepth > 0) {
    for (index row = 0; row < g.m; row += kShortRows) {
      const index rows = g.m - row < kShortRows ? g.m - row : kShortRows;
      for (index column = 0; column < end; column += kPanel<T>)
        short_kernels<T>.at[g.k - 1](g, ending, row, rows, column);
    }
  }
  return end;
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_GEMM_SMALL_K_H_
