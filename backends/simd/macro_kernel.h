// The GEMM micro-kernel: tiles of C from their multiply-adds (gemm_steps.h) to their epilogue, and
// the sweep over a packed block.
//
// The order in which the tiles of a block are computed never changes a bit.
#ifndef LAMELLA_BACKENDS_SIMD_MACRO_KERNEL_H_
#define LAMELLA_BACKENDS_SIMD_MACRO_KERNEL_H_

#include "backends/simd/gemm_epilogue.h"
#include "backends/simd/gemm_small_k.h"
#include "backends/simd/micro_kernel_loop.h"

namespace lamella::backends {
namespace {

/// Rows [row, row + kM) x columns [column, column + kV vectors) of C, all of which exist.
template <int kM, int kV, class T>
LAMELLA_INLINE void gemm_tile(const GemmBlock<T>& g, Ending ending, const TileOperands<T>& from,
                              index row, index column, T* c) {
  const index ldc = g.c_row_stride;

  // Along the rows, stores find their lines without help: fetching them costs 10 % at k = 10 and
  // gains 4 % at k = 128 where C is read (AVX-512, 2 MiB of L2).
  if (!kAlongRows || reads_c(ending)) {
    constexpr int kLines = (kV * sizeof(Vec<T>) + 63) / 64;
    T* c_row = c;
    unroll<kM>([&](auto) LAMELLA_INLINE_LAMBDA {
      unroll<kLines>([&](auto line) LAMELLA_INLINE_LAMBDA {
        __builtin_prefetch(c_row + line * (64 / sizeof(T)), 1);
      });
      c_row += ldc;
    });
  }
  Vec<T> acc[kM][kV];
  unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
    unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA { acc[i][v] = zero_here<T>(); });
  });
  constexpr bool kHelps = kAlongRows && kV == kVectors && is_high(kM);
  if (kHelps && kWidens<T> && from.bytes != nullptr)
    gemm_steps<Operands::widen_b, kM, kV, T>(g, from, acc);
  else if (kV == kVectors && from.pack_b != nullptr)
    gemm_steps<Operands::pack_b, kM, kV, T>(g, from, acc);
  else if (kHelps && from.pack_a != nullptr)
    gemm_steps<Operands::pack_a, kM, kV, T>(g, from, acc);
  else if (kHelps && from.copy != nullptr)
    gemm_steps<Operands::copy_a, kM, kV, T>(g, from, acc);
  else if (kHelps && from.fetch_a != nullptr)
    gemm_steps<Operands::fetch_a, kM, kV, T>(g, from, acc);
  else if (from.a_is_packed && g.b_row_stride == kPanel<T>)
    gemm_steps<Operands::packed, kM, kV, T>(g, from, acc);
  else
    gemm_steps<Operands::any, kM, kV, T>(g, from, acc);

  c = from_here(c);
  row = from_here(row);
  apply_ending(g, ending, c, acc);
  const TileEpilogue<T>* e = g.epilogue;
  if (e != nullptr) tile_epilogue<false, kM, kV, T>(*e, row, column, acc);
  c = from_here(c);
  store_tile(c, ldc, acc);
  if (e != nullptr && (e->activation == kTanh || e->activation == kSigmoid))
    for (index i = 0; i < kM; ++i)
      activate<T>(e->activation, e->slope, kV * kLanes<T>, c + i * ldc, c + i * ldc);
}

/// `tiles` tiles of kM rows each: side by side where they are panels and the unit works along the
/// rows, else one below the other. The loop is here and not around the call: with a short k a tile
/// takes less time than an indirect call and its mispredicted return.
///
/// The first tile that reads a panel of B may pack it, and the first that reads a tile of A its
/// columns: the loads are needed anyway, and the stores fit between the multiply-adds.
template <int kM, int kV, class T>
LAMELLA_KERNEL void gemm_tiles(const GemmBlock<T>& g, const TileOperands<T>& first, index row,
                               index tiles, index column) {
  const Ending ending = ending_of(g.alpha, g.beta);
  TileOperands<T> from = first;
  T* c = g.c + row * g.c_row_stride + column;
  if constexpr (kAlongRows && kV == kVectors) {
    constexpr index kColumns = kPanel<T>;
    const index b_panel = first.pack_b != nullptr ? kPanel<T> : g.b_panel_stride;
    for (; tiles > 0; --tiles, column += kColumns, c += kColumns) {
      gemm_tile<kM, kV, T>(g, ending, from, row, column, c);
      from.b += b_panel;
      if (from.pack_b != nullptr) from.pack_b += g.b_panel_stride;
      if (from.fetch_a != nullptr) from.fetch_a += g.k * from.fetch_step;
      if (from.pack_a != nullptr) {
        from.a = from.pack_a;
        from.a_is_packed = true;
        from.pack_a = nullptr;
      }
    }
  } else {
    const index a_tile = g.a_tile_stride != 0 ? g.a_tile_stride : kM * first.a_row_stride;
    for (; tiles > 0; --tiles, row += kM, c += kM * g.c_row_stride) {
      gemm_tile<kM, kV, T>(g, ending, from, row, column, c);
      from.a += a_tile;
      if (from.pack_b != nullptr) {
        from.b = from.pack_b;
        from.pack_b = nullptr;
      }
    }
  }
}

template <class T>
using TileKernel = void (*)(const GemmBlock<T>&, const TileOperands<T>& first, index row,
                            index tiles, index column);

/// tile_kernels<T>[rows - 1][vectors - 1]
template <class T>
struct TileKernels {
  TileKernel<T> at[kRows][kVectors];

  template <int kM = 1, int kV = 1>
  constexpr void fill() {
    at[kM - 1][kV - 1] = gemm_tiles<kM, kV, T>;
    if constexpr (kV < kVectors)
      fill<kM, kV + 1>();
    else if constexpr (kM < kRows)
      fill<kM + 1, 1>();
  }
  constexpr TileKernels() : at() { fill(); }
};
template <class T>
constexpr TileKernels<T> tile_kernels{};

/// A tile whose last vector is not whole: computed in a copy with whole vectors, then copied back.
///
/// Out of line: GCC would inline it into each caller, for 8 KB (AVX2).
template <class T>
[[gnu::noinline]] void gemm_edge_tile(const GemmBlock<T>& g, const TileOperands<T>& from, index row,
                                      index rows, index column, index columns, index vectors) {
  constexpr index ld = kPanel<T>;
  alignas(64) T c[kRows * ld], activation_output[kRows * ld], bias[ld];
  // What there is of a row, and zeros up to the end of its last vector.
  const auto fill = [&](T* to, const T* old) LAMELLA_INLINE_LAMBDA {
    for (index j = 0; j < columns; j += kLanes<T>)
      store(to + j, columns - j < kLanes<T> ? load_n(old + j, columns - j) : load(old + j));
  };
  T* const target = g.c + row * g.c_row_stride + column;
  if (g.beta != 0)
    for (index i = 0; i < rows; ++i) fill(c + i * ld, target + i * g.c_row_stride);

  GemmBlock<T> copy = g;
  copy.c = c;
  copy.c_row_stride = ld;
  TileEpilogue<T> epilogue;
  if (g.epilogue != nullptr) {
    epilogue = *g.epilogue;
    copy.epilogue = &epilogue;
    if (epilogue.row_bias != nullptr) epilogue.row_bias += row * epilogue.row_bias_stride;
    if (epilogue.column_bias != nullptr) {
      fill(bias, epilogue.column_bias + column);
      epilogue.column_bias = bias;
    }
    if (epilogue.activation_output != nullptr) {
      const T* const output_at =
          epilogue.activation_output + row * epilogue.activation_output_row_stride + column;
      for (index i = 0; i < rows; ++i)
        fill(activation_output + i * ld, output_at + i * epilogue.activation_output_row_stride);
      epilogue.activation_output = activation_output;
      epilogue.activation_output_row_stride = ld;
    }
  }
  tile_kernels<T>.at[rows - 1][vectors - 1](copy, from, 0, 1, 0);
  for (index i = 0; i < rows; ++i)
    map(columns, c + i * ld, target + i * g.c_row_stride,
        [](Vec<T> v) LAMELLA_INLINE_LAMBDA { return v; });
}

/// m > 0 rows cut into ceil(m / kRows) tiles of nearly equal height, so no m ends in a sliver: a
/// tile of half the height does half the work at nearly full speed, a tile of one row does not.
struct Tiles {
  index count, low, high_count;  // low rows each, and one more in the first high_count

  /// One tile needs no divisions, which take as long as a tile of k = 2.
  LAMELLA_INLINE explicit Tiles(index m)
      : count((m + kRows - 1) / kRows),
        low(count == 1 ? m : m / count),
        high_count(count == 1 ? 0 : m % count) {}
  LAMELLA_INLINE index rows(index tile) const { return tile < high_count ? low + 1 : low; }
  LAMELLA_INLINE index first_row(index tile) const {
    return tile * low + (tile < high_count ? tile : high_count);
  }
};

/// Fetching ahead is worth 7 % at 256 x 128 x 512, whose A has 512 KiB, inside a training step, and
/// costs 1 % at 128 x 128 x 784 with 392 KiB (2 MiB of L2).
inline constexpr index kFetchedBytes = 512 * 1024;

/// The block of C as tiles, in the unit's order.
template <class T>
struct Sweep {
  const GemmBlock<T>& g;
  Tiles tiles;
  const T* a;  // where tiles read it
  index a_row_stride;

  LAMELLA_INLINE explicit Sweep(const GemmBlock<T>& block)
      : g(block),
        tiles(block.m),
        a(block.a_copy != nullptr ? block.a_copy : block.a),
        a_row_stride(block.a_copy != nullptr ? block.a_copy_stride : block.a_row_stride) {}

  LAMELLA_INLINE const T* a_at(index tile) const {
    return a +
           (g.a_tile_stride != 0 ? tile * g.a_tile_stride : tiles.first_row(tile) * a_row_stride);
  }
  LAMELLA_INLINE const T* b_at(index column) const {
    return g.b + column / kPanel<T> * g.b_panel_stride;
  }
  LAMELLA_INLINE TileOperands<T> operands(index tile, index column) const {
    TileOperands<T> from{};
    from.a = a_at(tile);
    from.a_row_stride = a_row_stride;
    from.a_is_packed = g.a_tile_stride != 0;
    from.b = b_at(column);
    return from;
  }
  /// Are rows of A worth fetching a tile ahead? They are when A is too large to have stayed in the
  /// L2 since it was last used, and lies in one piece.
  LAMELLA_INLINE bool fetches_rows() const {
    return g.a_copy == nullptr && g.a_col_stride == 1 && 4 * g.a_row_stride <= 5 * g.k &&
           g.m * g.k * index{sizeof(T)} >= kFetchedBytes;
  }
  /// Tile `tile` of A, if there is one, to be copied in the course of `steps` multiply-adds.
  RowCopy<T> row_copy(index tile, index steps) const {
    if (g.a_copy == nullptr || tile >= tiles.count) return {};
    const index row = tiles.first_row(tile);
    return {g.a + row * g.a_row_stride,
            g.a_row_stride,
            g.a_copy + row * g.a_copy_stride,
            g.a_copy_stride,
            tiles.rows(tile),
            g.k,
            steps};
  }
  /// The first tile of A, across the panels of B, which it packs from bytes. These are transposed,
  /// or brought together, panel by panel, just before.
  void first_tile_from_bytes() const {
    if constexpr (kWidens<T>) {
      alignas(64) uint8_t bytes[kByteDepth * kPanel<T>];
      alignas(64) T map[2 * kLanes<T>];
      Ahead ahead;
      store(map, broadcast(*g.b_samples->offset));
      store(map + kLanes<T>, broadcast(*g.b_samples->scale));
      for (index column = 0; column + kPanel<T> <= g.n; column += kPanel<T>) {
        if (g.samples_are_columns)
          byte_panel_of_columns(*g.b_samples, column, bytes, ahead);
        else
          byte_panel_of_rows(*g.b_samples, column, bytes, ahead);
        TileOperands<T> from = operands(0, column);
        from.bytes = bytes;
        from.map = map;
        from.ahead = ahead;
        from.pack_b = const_cast<T*>(from.b);
        tile_kernels<T>.at[tiles.rows(0) - 1][kVectors - 1](g, from, 0, 1, column);
      }
    }
  }

  /// Tile by tile of A, across the panels of B. The first tile packs these, the others themselves.
  /// There is at least one panel; returns the column where the last one ends.
  LAMELLA_INLINE index along_rows() const {
    const index panels = g.n / kPanel<T>;
    const bool fetches = fetches_rows();
    const bool from_bytes = g.b_samples != nullptr;
    RowCopy<T> copy = row_copy(0, 0);
    if (from_bytes) first_tile_from_bytes();
    for (index tile = from_bytes ? 1 : 0; tile < tiles.count; ++tile) {
      const index row = tiles.first_row(tile), rows = tiles.rows(tile);
      TileOperands<T> from = operands(tile, 0);
      if (g.a_copy != nullptr) {
        copy.copy_rest();
        copy = row_copy(tile + 1, panels * g.k);
        from.copy = &copy;
      }
      if (tile == 0 && g.b_source != nullptr) {
        from.b = g.b_source;
        from.pack_b = const_cast<T*>(g.b);
      } else if (panels > 1 && is_high(rows)) {
        from.pack_a = g.a_pack;
      }
      if (fetches && is_high(rows) && tile + 1 < tiles.count) {
        from.fetch_a = a_at(tile + 1);
        from.fetch_step = (rows * g.a_row_stride + panels * g.k - 1) / (panels * g.k);
      }
      tile_kernels<T>.at[rows - 1][kVectors - 1](g, from, row, panels, 0);
    }
    return panels * kPanel<T>;
  }

  /// From `column` on, panel by panel of B and then what is less than one, down the tiles of A. The
  /// first tile of each panel packs it.
  LAMELLA_INLINE void down_columns(index column) const {
    const index high = tiles.high_count;
    for (; column < g.n; column += kPanel<T>) {
      const index columns = g.n - column < kPanel<T> ? g.n - column : kPanel<T>;
      const index vectors = (columns + kLanes<T> - 1) / kLanes<T>;
      if (columns < vectors * kLanes<T>) return edge_tiles(column, columns, vectors);
      TileOperands<T> from = operands(0, column);
      if (g.b_source != nullptr && vectors == kVectors) {
        from.b = g.b_source + column;
        from.pack_b = const_cast<T*>(b_at(column));
      }
      if (high > 0) {
        tile_kernels<T>.at[tiles.low][vectors - 1](g, from, 0, high, column);
        from = operands(high, column);
      }
      tile_kernels<T>.at[tiles.low - 1][vectors - 1](g, from, tiles.first_row(high),
                                                     tiles.count - high, column);
    }
  }
  LAMELLA_INLINE void edge_tiles(index column, index columns, index vectors) const {
    for (index tile = 0; tile < tiles.count; ++tile)
      gemm_edge_tile(g, operands(tile, column), tiles.first_row(tile), tiles.rows(tile), column,
                     columns, vectors);
  }
};

template <class T>
void gemm(const GemmBlock<T>& g) {
  if (g.m == 0) return;
  const Sweep<T> sweep(g);
  index column = 0;
  const Ending ending = ending_of(g.alpha, g.beta);
  if (is_short(g, ending))
    column = gemm_short(g, ending);
  else if (kAlongRows && g.n >= kPanel<T>)
    column = sweep.along_rows();
  sweep.down_columns(column);
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_MACRO_KERNEL_H_
