// The macro-kernel: a block of C as tiles, in the unit's loop order, from operands of any access.
//
// The order in which the tiles of a block are computed never changes a bit. Start reading at
// MacroKernel::jr_ir, the order of BLIS; ir_jr is the same with the loops exchanged.
#ifndef LAMELLA_BACKENDS_SIMD_MACRO_KERNEL_H_
#define LAMELLA_BACKENDS_SIMD_MACRO_KERNEL_H_

#include "backends/simd/gemm_small_k.h"
#include "backends/simd/micro_kernel.h"

namespace lamella::backends {
namespace {

/// A tile whose last vector is not whole: computed in a copy with whole vectors, then copied back.
///
/// Out of line: GCC would inline it into each caller.
template <class T>
[[gnu::noinline]] void edge_tile(const GemmBlock<T>& g, const TileOperands<T>& from, index row,
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
  TileEpilogue<T>& e = copy.epilogue;
  if ((e.steps & kAddRowBias) != 0) e.row_bias += row * e.row_bias_stride;
  if ((e.steps & kAddColumnBias) != 0) {
    fill(bias, e.column_bias + column);
    e.column_bias = bias;
  }
  if ((e.steps & kMultiplyDerivative) != 0) {
    const T* const output = e.activation_output + row * e.activation_output_row_stride + column;
    for (index i = 0; i < rows; ++i)
      fill(activation_output + i * ld, output + i * e.activation_output_row_stride);
    e.activation_output = activation_output;
    e.activation_output_row_stride = ld;
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

/// From this size on, A does not stay in the L2 between two uses, and tiles are fetched ahead
/// (docs/performance/log.md#pack-a).
inline constexpr index kFetchedBytes = 512 * 1024;

template <class T>
class MacroKernel {
 public:
  LAMELLA_INLINE explicit MacroKernel(const GemmBlock<T>& block)
      : g_(block), tiles_(block.m), copies_rows_(block.a.access == AccessA::copy_rows) {}

  /// C[:, column:], panel by panel of B and then what is less than one; in each, down the tiles of
  /// A. The first tile of a panel packs it where B is to be packed.
  LAMELLA_INLINE void jr_ir(index column) const {
    const index high = tiles_.high_count;
    for (; column < g_.n; column += kPanel<T>) {
      const index columns = g_.n - column < kPanel<T> ? g_.n - column : kPanel<T>;
      const index vectors = (columns + kLanes<T> - 1) / kLanes<T>;
      if (columns < vectors * kLanes<T>) return edge_tiles(column, columns, vectors);
      TileOperands<T> from = operands(0, column);
      if (g_.b.access == AccessB::pack_rows && vectors == kVectors) pack_b_from_rows(from, column);
      if (high > 0) {
        tile_kernels<T>.at[tiles_.low][vectors - 1](g_, from, 0, high, column);
        from = operands(high, column);
      }
      tile_kernels<T>.at[tiles_.low - 1][vectors - 1](g_, from, tiles_.first_row(high),
                                                      tiles_.count - high, column);
    }
  }

  /// The whole panels of C, of which there is at least one, tile by tile of A; each across the
  /// panels of B. The first tile packs these where B is to be packed, the others pack themselves
  /// where A is. Returns the column where the last panel ends.
  LAMELLA_INLINE index ir_jr() const {
    const index panels = g_.n / kPanel<T>;
    const bool fetches = fetches_tiles();
    const bool from_samples = g_.b.access == AccessB::pack_samples;
    RowCopy<T> copy = row_copy(0, 0);
    if (from_samples) first_tile_from_samples();
    for (index tile = from_samples ? 1 : 0; tile < tiles_.count; ++tile) {
      const index row = tiles_.first_row(tile), rows = tiles_.rows(tile);
      TileOperands<T> from = operands(tile, 0);
      if (copies_rows_) {
        copy.copy_rest();
        copy = row_copy(tile + 1, panels * g_.k);
      }
      if (tile == 0 && g_.b.access == AccessB::pack_rows) {
        pack_b_from_rows(from, 0);
      } else if (is_high(rows)) {
        if (g_.a.access == AccessA::pack_columns && panels > 1) {
          from.mode = TileMode::pack_a;
          from.pack_a = {g_.a.scratch};
        } else if (copies_rows_) {
          from.mode = TileMode::copy_a;
          from.copy_a = {&copy};
        } else if (fetches && tile + 1 < tiles_.count) {
          from.mode = TileMode::fetch_a;
          from.fetch_a = {a_at(tile + 1),
                          (rows * g_.a.row_stride + panels * g_.k - 1) / (panels * g_.k)};
        }
      }
      tile_kernels<T>.at[rows - 1][kVectors - 1](g_, from, row, panels, 0);
    }
    return panels * kPanel<T>;
  }

 private:
  /// Where tile `tile` reads A: its copy, if rows are copied.
  LAMELLA_INLINE const T* a_at(index tile) const {
    if (g_.a.access == AccessA::packed) return g_.a.data + tile * g_.a.tile_stride;
    return copies_rows_ ? g_.a.scratch + tiles_.first_row(tile) * g_.a.scratch_row_stride
                        : g_.a.data + tiles_.first_row(tile) * g_.a.row_stride;
  }
  LAMELLA_INLINE index panel_offset(index column) const {
    return column / kPanel<T> * g_.b.panel_stride;
  }
  LAMELLA_INLINE TileOperands<T> operands(index tile, index column) const {
    const bool a_is_packed = g_.a.access == AccessA::packed;
    TileOperands<T> from;
    from.mode = plain_mode(g_, a_is_packed);
    from.a = a_at(tile);
    from.a_row_stride = a_is_packed ? 1 : copies_rows_ ? g_.a.scratch_row_stride : g_.a.row_stride;
    from.a_col_stride = a_is_packed ? tiles_.rows(tile) : g_.a.col_stride;
    from.b = g_.b.panels + panel_offset(column);
    from.b_row_stride = g_.b.row_stride;
    return from;
  }
  LAMELLA_INLINE void pack_b_from_rows(TileOperands<T>& from, index column) const {
    from.mode = TileMode::pack_b;
    from.b = g_.b.rows + column;
    from.b_row_stride = g_.b.rows_stride;
    from.pack_b = {g_.b.packed + panel_offset(column)};
  }
  /// Are tiles of A worth fetching one ahead? They are when A is too large to have stayed in the L2
  /// since it was last used, and lies in one piece.
  LAMELLA_INLINE bool fetches_tiles() const {
    return g_.a.access == AccessA::in_place && g_.a.col_stride == 1 &&
           4 * g_.a.row_stride <= 5 * g_.k && g_.m * g_.k * index{sizeof(T)} >= kFetchedBytes;
  }
  /// Tile `tile` of A, if there is one, to be copied in the course of `steps` multiply-adds.
  RowCopy<T> row_copy(index tile, index steps) const {
    if (!copies_rows_ || tile >= tiles_.count) return {};
    const index row = tiles_.first_row(tile);
    return {g_.a.data + row * g_.a.row_stride,
            g_.a.row_stride,
            g_.a.scratch + row * g_.a.scratch_row_stride,
            g_.a.scratch_row_stride,
            tiles_.rows(tile),
            g_.k,
            steps};
  }
  /// The first tile of A, across the panels of B, which it packs from bytes. These are transposed,
  /// or brought together, panel by panel, just before.
  void first_tile_from_samples() const {
    if constexpr (kWidens<T>) {
      alignas(64) uint8_t bytes[kByteDepth * kPanel<T>];
      alignas(64) T map[2 * kLanes<T>];
      Ahead ahead;
      const ByteGatherBlock<T>& samples = *g_.b.samples;
      store(map, broadcast(*samples.offset));
      store(map + kLanes<T>, broadcast(*samples.scale));
      for (index column = 0; column + kPanel<T> <= g_.n; column += kPanel<T>) {
        if (g_.b.sample_axis == SampleAxis::columns)
          byte_panel_of_columns(samples, column, bytes, ahead);
        else
          byte_panel_of_rows(samples, column, bytes, ahead);
        TileOperands<T> from = operands(0, column);
        from.mode = TileMode::widen_b;
        from.widen_b = {bytes, map, ahead, g_.b.packed + panel_offset(column)};
        tile_kernels<T>.at[tiles_.rows(0) - 1][kVectors - 1](g_, from, 0, 1, column);
      }
    }
  }
  LAMELLA_INLINE void edge_tiles(index column, index columns, index vectors) const {
    for (index tile = 0; tile < tiles_.count; ++tile)
      edge_tile(g_, operands(tile, column), tiles_.first_row(tile), tiles_.rows(tile), column,
                columns, vectors);
  }

  const GemmBlock<T>& g_;
  Tiles tiles_;
  bool copies_rows_;
};

template <class T>
void gemm(const GemmBlock<T>& g) {
  if (g.m == 0) return;
  const MacroKernel<T> macro_kernel(g);
  index column = 0;
  const StoreMode store_mode = store_mode_of(g.alpha, g.beta);
  if (has_small_k_form(g, store_mode))
    column = gemm_small_k(g, store_mode);
  else if (kLoopOrder == LoopOrder::ir_jr && g.n >= kPanel<T>)
    column = macro_kernel.ir_jr();
  macro_kernel.jr_ir(column);
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_MACRO_KERNEL_H_
