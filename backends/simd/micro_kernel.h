// The micro-kernel: one tile of C from its multiply-adds (micro_kernel_loop.h) to its epilogue
// (gemm_epilogue.h), and the kernels for a run of tiles of one size.
#ifndef LAMELLA_BACKENDS_SIMD_MICRO_KERNEL_H_
#define LAMELLA_BACKENDS_SIMD_MICRO_KERNEL_H_

#include "backends/simd/gemm_epilogue.h"
#include "backends/simd/micro_kernel_loop.h"

namespace lamella::backends {
namespace {

/// Which steps of micro_kernel_loop.h a tile takes. The last four exist for high tiles and in ir_jr
/// order only (is_high).
enum class TileMode {
  plain,         ///< operands in place or packed
  plain_packed,  ///< both packed: addresses are two pointers and constants
  pack_b,
  widen_b,
  pack_a,
  copy_a,
  fetch_a,
};

/// Tiles that have code for side work other than packing B. All but a few tiles of a block of more
/// than two tiles' rows do; code for the others would be dead weight.
inline constexpr index kFewestHighRows = (2 * kRows + 2) / 3;
constexpr bool is_high(index rows) { return rows >= kFewestHighRows; }

/// Whether tiles read bytes. In jr_ir order that gains nothing (AVX2), and doubles are not worth
/// the code.
template <class T>
inline constexpr bool kWidens = kLoopOrder == LoopOrder::ir_jr &&
                                sizeof(T) == 4 && kPanel<T> == kBytePanel;

/// Where a tile finds its operands, and what its mode needs beside them.
template <class T>
struct TileOperands {
  struct PackB {
    T* panel;
  };
  struct WidenB {
    const uint8_t* bytes;
    const T* map;
    const uint8_t* const* ahead;
    T* panel;
  };
  struct PackA {
    T* tile;
  };
  struct CopyA {
    RowCopy<T>* copy;
  };
  struct FetchA {
    const T* next;
    index step;
  };

  TileMode mode;
  const T* a;
  index a_row_stride, a_col_stride;
  const T* b;
  index b_row_stride;
  union {  // the member of the mode's name
    PackB pack_b;
    WidenB widen_b;
    PackA pack_a;
    CopyA copy_a;
    FetchA fetch_a;
  };
};

/// Rows [row, row + kM) x columns [column, column + kV vectors) of C, all of which exist.
template <int kM, int kV, class T>
LAMELLA_INLINE void micro_kernel(const GemmBlock<T>& g, StoreMode store_mode,
                                 const TileOperands<T>& from, index row, index column, T* c) {
  const index ldc = g.c_row_stride;

  // In ir_jr order stores find their lines without help, and fetching them costs more than it gains
  // unless C is read (docs/performance/log.md#store-a-tile).
  if (kLoopOrder == LoopOrder::jr_ir || reads_c(store_mode)) {
    constexpr int kLines = (kV * sizeof(Vec<T>) + 63) / 64;
    T* c_row = c;
    unroll<kM>([&](int) LAMELLA_INLINE_LAMBDA {
      unroll<kLines>([&](int line) LAMELLA_INLINE_LAMBDA {
        __builtin_prefetch(c_row + line * (64 / sizeof(T)), 1);
      });
      c_row += ldc;
    });
  }
  Vec<T> acc[kM][kV];
  unroll<kM>([&](int i) LAMELLA_INLINE_LAMBDA {
    unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA { acc[i][v] = zero_here<T>(); });
  });
  const T* const a = from.a;
  const index a_row = from.a_row_stride, a_col = from.a_col_stride;
  const PlainSteps<T> plain{from.b, from.b_row_stride};
  const auto loop = [&](index row_stride, index col_stride, auto steps) LAMELLA_INLINE_LAMBDA {
    micro_kernel_loop<kM, kV, T>(g.k, a, row_stride, col_stride, steps, acc);
  };
  constexpr bool kHasSideWork = kLoopOrder == LoopOrder::ir_jr && kV == kVectors && is_high(kM);
  // A chain of comparisons and not a switch: a jump table's indirect branch is mispredicted.
  if (kHasSideWork && kWidens<T> && from.mode == TileMode::widen_b)
    loop(a_row, a_col,
         WidenBSteps<T>{from.widen_b.bytes, from.widen_b.map, from.widen_b.ahead,
                        from.widen_b.panel});
  else if (kV == kVectors && from.mode == TileMode::pack_b)
    loop(a_row, a_col, PackBSteps<T>{from.b, from.b_row_stride, from.pack_b.panel});
  else if (kHasSideWork && from.mode == TileMode::pack_a)
    loop(1, a_col, PackASteps<kM, T>{{from.b, kPanel<T>}, a_col, from.pack_a.tile});
  else if (kHasSideWork && from.mode == TileMode::copy_a)
    loop(a_row, a_col, CopyASteps<T>{plain, from.copy_a.copy, from.copy_a.copy->steps_apart()});
  else if (kHasSideWork && from.mode == TileMode::fetch_a)
    loop(a_row, a_col, FetchASteps<T>{plain, from.fetch_a.next, from.fetch_a.step});
  else if (from.mode == TileMode::plain_packed)
    loop(1, kM, PlainSteps<T>{from.b, kPanel<T>});
  else
    loop(a_row, a_col, plain);

  c = hidden(c);
  row = hidden(row);
  apply_alpha_beta(g, store_mode, c, acc);
  const TileEpilogue<T>& e = g.epilogue;
  if (e.steps != 0) tile_epilogue<EpilogueCode::all, kM, kV, T>(e, row, column, acc);
  c = hidden(c);
  store_tile(c, ldc, acc);
  if (activates_stored_tile(e))
    for (index i = 0; i < kM; ++i)
      activate<T>(e.activation, e.slope, kV * kLanes<T>, c + i * ldc, c + i * ldc);
}

/// The mode of a tile with no side work.
template <class T>
LAMELLA_INLINE TileMode plain_mode(const GemmBlock<T>& g, bool a_is_packed) {
  return a_is_packed && g.b.row_stride == kPanel<T> ? TileMode::plain_packed : TileMode::plain;
}

/// `tiles` tiles of kM rows each: side by side where they are panels and the order is ir_jr, else
/// one below the other. The loop is here and not around the call: with a small k a tile takes less
/// time than an indirect call and its mispredicted return.
///
/// Only the first tile that reads a panel of B packs it, and only the first that reads a tile of A.
template <int kM, int kV, class T>
LAMELLA_KERNEL void run_of_tiles(const GemmBlock<T>& g, const TileOperands<T>& first, index row,
                                 index tiles, index column) {
  const StoreMode store_mode = store_mode_of(g.alpha, g.beta);
  TileOperands<T> from = first;
  T* c = g.c + row * g.c_row_stride + column;
  if constexpr (kLoopOrder == LoopOrder::ir_jr && kV == kVectors) {
    constexpr index kColumns = kPanel<T>;
    const index b_panel = first.mode == TileMode::pack_b ? kPanel<T> : g.b.panel_stride;
    for (; tiles > 0; --tiles, column += kColumns, c += kColumns) {
      micro_kernel<kM, kV, T>(g, store_mode, from, row, column, c);
      from.b += b_panel;
      if (from.mode == TileMode::pack_b) from.pack_b.panel += g.b.panel_stride;
      if (from.mode == TileMode::fetch_a) from.fetch_a.next += g.k * from.fetch_a.step;
      if (from.mode == TileMode::pack_a) {
        from.a = from.pack_a.tile;
        from.a_row_stride = 1;
        from.a_col_stride = kM;
        from.mode = plain_mode(g, true);
      }
    }
  } else {
    const bool a_is_packed = g.a.access == AccessA::packed;
    const index a_tile = a_is_packed ? g.a.tile_stride : kM * first.a_row_stride;
    for (; tiles > 0; --tiles, row += kM, c += kM * g.c_row_stride) {
      micro_kernel<kM, kV, T>(g, store_mode, from, row, column, c);
      from.a += a_tile;
      if (from.mode == TileMode::pack_b) {
        from.b = from.pack_b.panel;
        from.b_row_stride = g.b.row_stride;
        from.mode = plain_mode(g, a_is_packed);
      }
    }
  }
}

template <class T>
using TileKernel = void (*)(const GemmBlock<T>&, const TileOperands<T>& first, index row,
                            index tiles, index column);

/// tile_kernels<T>.at[rows - 1][vectors - 1]
template <class T>
struct TileKernels {
  TileKernel<T> at[kRows][kVectors];

  template <int kM = 1, int kV = 1>
  constexpr void fill() {
    at[kM - 1][kV - 1] = run_of_tiles<kM, kV, T>;
    if constexpr (kV < kVectors)
      fill<kM, kV + 1>();
    else if constexpr (kM < kRows)
      fill<kM + 1, 1>();
  }
  constexpr TileKernels() : at() { fill(); }
};
template <class T>
constexpr TileKernels<T> tile_kernels{};

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_MICRO_KERNEL_H_
