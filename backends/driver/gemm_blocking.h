// The blocking policy: into which blocks a product is cut, and which operand is packed.
//
// Pure functions of a table's tuning, the sizes of the caches and the shape and strides of a
// product: they read no element, and tests/driver holds them to what they should decide. None of
// them but k_block has an influence on the bits of a result. The figures behind the thresholds are
// in docs/performance/log.md.
#ifndef LAMELLA_BACKENDS_DRIVER_GEMM_BLOCKING_H_
#define LAMELLA_BACKENDS_DRIVER_GEMM_BLOCKING_H_

#include <algorithm>

#include "backends/driver/gemm_problem.h"
#include "backends/driver/partition.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

/// From when on packing or copying an operand pays. Measured on processors of several makers; they
/// differ by table only through LoopOrder and GemmTuning.
struct BlockingThresholds {
  /// B's rows are read in place when at most this many tiles of rows of C use them: packing costs a
  /// load and a store per element, which a few uses do not repay.
  index unpacked_tiles = 2;
  /// They are read in place, too, if they lie in a few pages of the L1 cache, where a copy would
  /// take the room of the other operands.
  index unpacked_bytes = 16 << 10;

  /// A is packed when at least this many panels of B read each block of it: packing an element
  /// costs about half as much as a panel's pass over it. Rows that lie close together need no
  /// packing.
  index pack_rows_from_panels = 32;
  index pack_rows_from_stride_bytes = 2048;
  index pack_columns_from_panels = 4;

  /// Rows a multiple of a page apart have their lines in one set of the L1 cache, which has 8 to 12
  /// ways for the 14 rows of an AVX-512 tile: such rows are copied apart
  /// (docs/performance/log.md#copy-large-rows). One panel does not repay it. Half a page apart they
  /// do as well as anywhere.
  index colliding_bytes = 4096;
  index l1_ways = 8;
  index copy_rows_from_panels = 2;

  /// If a K block of A exceeds this, its rows are copied in pieces even without set conflicts, so
  /// that a piece stays in L3 and the L2 TLB for one sweep over B
  /// (docs/performance/log.md#copy-large-rows).
  index large_rows_bytes = 4 << 20;
  index copy_large_rows_from_panels = 16;
  index copied_piece_bytes = 2 << 20;

  /// A block of B has at least this many panels, however long they are.
  index fewest_panels = 4;
};
inline constexpr BlockingThresholds kThresholds;

/// Sizes of a core's caches in bytes.
struct CacheSizes {
  index l2;
};
/// Asks the system once.
CacheSizes cache_sizes_of_this_machine();

constexpr index ceil_div(index a, index b) { return (a + b - 1) / b; }

/// Blocks of K, at least 1. K is cut into ceil(k / kc) nearly equal blocks, whatever the threads:
/// this decides the bits.
inline index k_blocks_of(const GemmTuning& tuning, index k) {
  return k <= tuning.kc ? 1 : ceil_div(k, tuning.kc);
}
inline Range k_block(index k, index block, index blocks) {
  if (blocks == 1) return {0, k};
  return {k * block / blocks, k * (block + 1) / blocks};
}
/// At least 1.
inline index longest_k_block(const GemmTuning& tuning, index k) {
  const index blocks = k_blocks_of(tuning, k);
  return blocks == 1 ? std::max<index>(k, 1) : ceil_div(k, blocks);
}

/// Columns of a B packed in advance: what is missing in its last panel is zeros.
inline index padded_columns(const GemmTuning& tuning, index n) {
  return ceil_div(n, tuning.nr) * tuning.nr;
}

/// Whether the rows of one tile compete for a set of the L1 cache.
template <class T>
bool rows_collide(const GemmTuning& tuning, const GemmProblem<T>& p) {
  return p.a.col_stride == 1 &&
         p.a.row_stride * index{sizeof(T)} % kThresholds.colliding_bytes == 0 &&
         std::min(p.m, tuning.mr) > kThresholds.l1_ways;
}

/// Elements from one copied row of A, k elements long, to the next: whole cache lines, and no
/// multiple of a page.
template <class T>
index copied_row_stride(index k) {
  constexpr index kLine = 64 / sizeof(T);
  const index stride = ceil_div(k, kLine) * kLine;
  return stride * index{sizeof(T)} % kThresholds.colliding_bytes == 0 ? stride + kLine : stride;
}

/// Rows of A that are copied at a time: pieces of nearly equal height, of whole tiles.
template <class T>
index rows_of_copy(const GemmTuning& tuning, index rows, index k) {
  const index most = kThresholds.copied_piece_bytes / (copied_row_stride<T>(k) * index{sizeof(T)});
  const index pieces = ceil_div(rows, most);
  return ceil_div(rows, pieces * tuning.mr) * tuning.mr;
}

/// How `rows` rows of A are read that `columns` columns of B use.
///
/// A read in place costs nothing as long as its lines come from few pages and different cache sets.
/// Columns of a row-major A, and long rows across many panels, do not. In ir_jr order A is never
/// packed by blocks: a block would be packed again for each block of B, out of L3 and with nothing
/// to compute meanwhile.
template <class T>
AccessA access_of_a(const GemmTuning& tuning, const GemmProblem<T>& p, index rows, index columns) {
  if (p.k <= tuning.small_k) return AccessA::in_place;
  const index panels = ceil_div(columns, tuning.nr);
  const bool in_tiles = tuning.loop_order == LoopOrder::ir_jr;
  const bool is_large =
      panels >= kThresholds.copy_large_rows_from_panels &&
      rows * longest_k_block(tuning, p.k) * index{sizeof(T)} >= kThresholds.large_rows_bytes;
  const bool collides = panels >= kThresholds.copy_rows_from_panels && rows_collide(tuning, p);
  if (in_tiles && p.b.source != SourceB::batch && p.a.col_stride == 1 && (is_large || collides))
    return AccessA::copy_rows;
  if (p.m <= kThresholds.unpacked_tiles * tuning.mr) return AccessA::in_place;
  if (in_tiles)
    return p.a.row_stride == 1 && panels > 1 ? AccessA::pack_columns : AccessA::in_place;
  if (!tuning.packs_a) return AccessA::in_place;
  const bool pays = p.a.row_stride == 1 ? panels >= kThresholds.pack_columns_from_panels
                                        : panels >= kThresholds.pack_rows_from_panels &&
                                              p.a.row_stride * index{sizeof(T)} >=
                                                  kThresholds.pack_rows_from_stride_bytes;
  return pays ? AccessA::packed : AccessA::in_place;
}

/// Rows of A for each packed block of B, in tiles, at most; in ir_jr order every tile passes once
/// and needs no blocks.
inline index tiles_of_a_block(const GemmTuning& tuning, index tiles) {
  if (tuning.loop_order == LoopOrder::ir_jr) return tiles;
  return std::max<index>(tuning.mc / tuning.mr, 1);
}

/// Elements of A that are packed or copied at a time, of `rows` rows and k columns.
template <class T>
index packed_a_elements(const GemmTuning& tuning, AccessA access, index rows, index k) {
  switch (access) {
    case AccessA::pack_columns:
      return tile_stride(tuning.mr, k);
    case AccessA::packed:
      return std::max<index>(tuning.mc / tuning.mr, 1) * tile_stride(tuning.mr, k);
    case AccessA::copy_rows:
      return rows_of_copy<T>(tuning, rows, k) * copied_row_stride<T>(k);
    case AccessA::in_place:
      break;
  }
  return 0;
}

/// Whether the first tile of `rows` rows of A can pack k rows of B from bytes. What has an offset
/// and a scale for each feature is packed before the product; so are the few bytes of small
/// samples.
template <class T>
bool packs_samples_in_passing(const GemmTuning& tuning, const ByteGatherBlock<T>& samples, index k,
                              index rows) {
  if (tuning.rows_for_samples == 0) return false;
  const index tiles = ceil_div(rows, tuning.mr);
  return ceil_div(rows, tiles) >= tuning.rows_for_samples && k > 0 && k <= kByteDepth &&
         samples.features >= kFewestByteFeatures && samples.samples > 0 &&
         samples.offset_stride == 0 && samples.scale_stride == 0;
}

/// Whether all of B's whole panels are read in place by a task of `rows` rows.
template <class T>
bool reads_b_in_place(const GemmTuning& tuning, const GemmProblem<T>& p, index rows) {
  if (p.b.source != SourceB::matrix || p.b.matrix.col_stride != 1) return false;
  return rows <= kThresholds.unpacked_tiles * tuning.mr || p.k <= tuning.small_k ||
         (!rows_collide(tuning, p) &&
          (p.k - 1) * p.b.matrix.row_stride * index{sizeof(T)} < kThresholds.unpacked_bytes);
}

/// Elements of B that are packed at a time, panels of k steps, where m rows of A use them.
///
/// In ir_jr order all of them come out of the L2 for every tile of A. They must fit in there,
/// beside A if A can stay: then a quarter of the L2, otherwise half of it.
template <class T>
index packed_b_elements(const GemmTuning& tuning, const CacheSizes& caches, index m, index k,
                        index columns) {
  const index panel = k * tuning.nr;
  const index panels = ceil_div(columns, tuning.nr);
  if (panels <= kThresholds.fewest_panels) return panel * std::max<index>(panels, 1);
  index most = tuning.kc * tuning.nc / panel;
  if (tuning.loop_order == LoopOrder::ir_jr) {
    const index quarter = caches.l2 / 4;
    const bool a_stays = m * k * index{sizeof(T)} <= quarter;
    most = std::min(most, (a_stays ? quarter : 2 * quarter) / (panel * index{sizeof(T)}));
  }
  return panel * std::min(panels, std::max(most, kThresholds.fewest_panels));
}

/// Whether all of B, k x columns, is packed as one block for m rows of A.
template <class T>
bool b_is_one_block(const GemmTuning& tuning, const CacheSizes& caches, index m, index k,
                    index columns) {
  return k_blocks_of(tuning, k) == 1 &&
         packed_b_elements<T>(tuning, caches, m, std::max<index>(k, 1), columns) >= k * columns;
}

/// The tasks of a product: C is cut into rows x columns pieces, one a worker, and each worker's
/// rows once more into `parts`, which workers that are done take from others
/// (Executor::parts_per_worker).
struct TaskGrid {
  int rows = 1, columns = 1, parts = 1;

  int tasks() const { return rows * parts * columns; }
  /// Workers have the same number of rows; parts are whole tiles.
  Range rows_of(const GemmTuning& tuning, index m, int task) const {
    const int row_part = task / columns;
    const Range worker = part_of(m, row_part / parts, rows, 1);
    const Range part = part_of(worker.size(), row_part % parts, parts, tuning.mr);
    return {worker.begin + part.begin, worker.begin + part.end};
  }
  Range columns_of(const GemmTuning& tuning, index n, int task) const {
    return part_of(n, task % columns, columns, tuning.nr);
  }
  friend bool operator==(const TaskGrid&, const TaskGrid&) = default;
};

/// The grid of at most `workers` tasks whose longest task is shortest, cut along the rows unless
/// that costs clearly more. Rows of C are units in training: the worker that computes a unit's
/// activations then also holds its weights and updates them, and they stay in one core's cache.
template <class T>
TaskGrid choose_grid(const GemmTuning& tuning, const GemmProblem<T>& p, int workers) {
  // Packing a panel costs about as much as a row of C, or six if it is transposed (AVX-512).
  const bool transposes = p.b.source == SourceB::matrix && p.b.matrix.col_stride != 1;
  const double pack_cost = transposes ? 6 : 1;
  constexpr double kGainForColumns = 0.97;  // cutting along the columns must leave at most this
  const index tiles = ceil_div(p.m, tuning.mr), panels = ceil_div(p.n, tuning.nr);
  TaskGrid best;
  double best_cost = -1;
  for (int columns = 1; columns <= std::min<index>(workers, panels); ++columns) {
    const int rows = static_cast<int>(std::min<index>(workers / columns, tiles));
    const auto wide = static_cast<double>(ceil_div(panels, columns));
    const auto high = static_cast<double>(ceil_div(p.m, rows));
    const double cost = wide * (high + pack_cost);
    if (best_cost < 0 || cost < kGainForColumns * best_cost) {
      best = {rows, columns, 1};
      best_cost = cost;
    }
  }
  return best;
}

/// Tiles of a part, at least, where a worker's rows are cut so that others can take some: a part
/// reads all of packed B, which goes unnoticed beside the work of a few tiles.
constexpr index kTilesPerPart = 4;

/// The grid with its rows cut into parts: where every worker has rows of its own, but not where B
/// is more than one block, which every part would pack again.
template <class T>
TaskGrid with_parts(const GemmTuning& tuning, const CacheSizes& caches, const GemmProblem<T>& p,
                    TaskGrid grid, int concurrency, int parts_per_worker) {
  const index rows_of_worker = std::max<index>(p.m / grid.rows, 1);
  const bool cuts = grid.columns == 1 && grid.rows > 1 && grid.rows == concurrency &&
                    (p.b.source == SourceB::prepacked ||
                     b_is_one_block<T>(tuning, caches, rows_of_worker, p.k, p.n));
  if (!cuts) return grid;
  const index tiles = ceil_div(p.m, tuning.mr);
  grid.parts =
      static_cast<int>(std::clamp<index>(tiles / (kTilesPerPart * grid.rows), 1, parts_per_worker));
  return grid;
}

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_GEMM_BLOCKING_H_
