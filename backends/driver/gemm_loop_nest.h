// The loops around the macro-kernel: a rectangle of C over all of K, blocked and packed.
//
// START READING at plain_loop_nest: it is the whole algorithm, and what the rest of this file
// computes, bit for bit (tests/driver/gemm_loop_nest_test.cpp). BlockedLoopNest is the same made
// fast: larger blocks, packing in passing, operands of more kinds. Which blocks, and what is
// packed, is decided in gemm_blocking.h; threads, in gemm_driver.cpp.
#ifndef LAMELLA_BACKENDS_DRIVER_GEMM_LOOP_NEST_H_
#define LAMELLA_BACKENDS_DRIVER_GEMM_LOOP_NEST_H_

#include <algorithm>

#include "backends/driver/gemm_blocking.h"
#include "backends/driver/gemm_problem.h"

namespace lamella::backends {

/// Packs the k x columns block of B into panels of nr columns.
template <class T>
void pack_block_of_b(const KernelTable<T>& table, const ProblemB<T>& b, Range k, Range columns,
                     T* packed) {
  if (b.source == SourceB::matrix)
    return table.pack_b(k.size(), columns.size(), &b.matrix(k.begin, columns.begin),
                        b.matrix.row_stride, b.matrix.col_stride, packed);
  // Of a mini-batch, samples lie along the columns of its panels. As rows of B they are transposed.
  const bool samples_are_rows = b.sample_axis == SampleAxis::rows;
  const Range samples = samples_are_rows ? k : columns, features = samples_are_rows ? columns : k;
  b.batch->pack(samples);
  const T* const panels = b.batch->panels();
  const index panel_stride = b.batch->panel_stride();
  if (!samples_are_rows) {
    for (index j = columns.begin; j < columns.end; j += table.nr, packed += k.size() * table.nr)
      std::copy_n(panels + j / table.nr * panel_stride + features.begin * table.nr,
                  k.size() * table.nr, packed);
    return;
  }
  for (index j = columns.begin; j < columns.end; j += table.nr, packed += k.size() * table.nr) {
    const index n = std::min(table.nr, columns.end - j);
    for (index s = k.begin, end; s < k.end; s = end) {
      const index panel = s / table.nr, lane = s % table.nr;
      end = std::min(k.end, (panel + 1) * table.nr);
      table.pack_b(end - s, n, panels + panel * panel_stride + j * table.nr + lane, 1, table.nr,
                   packed + (s - k.begin) * table.nr);
    }
  }
}

/// The epilogue of a block of C that begins at (row, column) of the problem's.
template <class T>
TileEpilogue<T> epilogue_at(TileEpilogue<T> e, index row, index column) {
  if ((e.steps & kAddRowBias) != 0) e.row_bias += row * e.row_bias_stride;
  if ((e.steps & kAddColumnBias) != 0) e.column_bias += column;
  if ((e.steps & kMultiplyDerivative) != 0)
    e.activation_output += row * e.activation_output_row_stride + column;
  return e;
}

/// Rows x columns of C, tile by tile: the plain form, with one packed panel of B (kc x nr elements,
/// `panel`) and no other memory. `columns` begins at a multiple of nr.
template <class T>
void plain_loop_nest(const KernelTable<T>& table, const GemmProblem<T>& p, Range rows,
                     Range columns, T* panel) {
  const index k_blocks = k_blocks_of(table, p.k);
  for (index j = columns.begin; j < columns.end; j += table.nr) {
    const index n = std::min(table.nr, columns.end - j);
    for (index kb = 0; kb < k_blocks; ++kb) {
      const Range ks = k_block(p.k, kb, k_blocks);
      if (ks.size() > 0 && p.b.source != SourceB::prepacked)
        pack_block_of_b(table, p.b, ks, {j, j + n}, panel);
      for (index i = rows.begin; i < rows.end; i += table.mr) {
        GemmBlock<T> tile{};
        tile.m = std::min(table.mr, rows.end - i);
        tile.n = n;
        tile.k = ks.size();
        tile.alpha = p.alpha;
        tile.beta = kb == 0 ? p.beta : T{1};
        tile.a.access = AccessA::in_place;
        if (tile.k > 0) tile.a.data = &p.a(i, ks.begin);
        tile.a.row_stride = p.a.row_stride;
        tile.a.col_stride = p.a.col_stride;
        tile.b.access = AccessB::packed;
        tile.b.panels = p.b.source == SourceB::prepacked
                            ? p.b.panels + ks.begin * padded_columns(table, p.n) + j * tile.k
                            : panel;
        tile.b.row_stride = table.nr;
        tile.b.panel_stride = tile.k * table.nr;
        tile.c = &p.c(i, j);
        tile.c_row_stride = p.c.row_stride;
        if (kb == k_blocks - 1) tile.epilogue = epilogue_at(p.epilogue, i, j);
        table.gemm(tile);
      }
    }
  }
}

/// What the thread's buffer holds of B from one part of a product to the next.
struct PackedBState {
  index rows = 0;        ///< rows of A that all parts together have
  bool holds_b = false;  ///< the buffer holds all of B, packed
};

/// Where a task packs its operands.
template <class T>
struct PackingSpace {
  T* b;
  index b_elements;
  T* a;
};

/// What becomes of B where it is a matrix.
enum class MatrixB { in_place, packed };

/// A rectangle of C as blocks: columns of B that fit the space, then blocks of K, then blocks of
/// rows of A. Where access_a is copy_rows, the space for A holds all rows of the rectangle, K is
/// one block, and the first block of B finds A in place.
template <class T>
class BlockedLoopNest {
 public:
  BlockedLoopNest(const KernelTable<T>& table, const GemmProblem<T>& problem, Range rows,
                  Range columns, MatrixB matrix_b, AccessA access_a, PackingSpace<T> space)
      : table_(table),
        p_(problem),
        rows_(rows),
        columns_(columns),
        matrix_b_(matrix_b),
        access_a_(access_a),
        space_(space),
        k_blocks_(k_blocks_of(table, problem.k)),
        tiles_(ceil_div(rows.size(), table.mr)),
        row_blocks_(ceil_div(tiles_, tiles_of_a_block(table, tiles_))) {
    const index panels = space.b_elements / (longest_k_block(table, problem.k) * table.nr);
    width_ = std::max<index>(panels, 1) * table.nr;
  }

  /// Leaves in `state` whether the space now holds all of B for a next rectangle with these
  /// columns.
  void run(PackedBState& state) {
    const bool holds_b = state.holds_b;
    state.holds_b = matrix_b_ == MatrixB::packed && k_blocks_ == 1 && columns_.size() <= width_;
    for (index j = columns_.begin; j < columns_.end; j += width_) {
      const Range columns{j, std::min(columns_.end, j + width_)};
      for (index kb = 0; kb < k_blocks_; ++kb) {
        const Range k = k_block(p_.k, kb, k_blocks_);
        GemmBlock<T> block{};
        block.n = columns.size();
        block.k = k.size();
        block.alpha = p_.alpha;
        block.beta = kb == 0 ? p_.beta : T{1};
        block.c_row_stride = p_.c.row_stride;
        set_b(block.b, columns, k, holds_b);
        const bool has_epilogue = kb == k_blocks_ - 1 && p_.epilogue.steps != 0;
        for (index rb = 0; rb < row_blocks_; ++rb) {
          const Range rows{first_row(rb), first_row(rb + 1)};
          block.m = rows.size();
          set_a(block.a, rows, k, columns);
          block.c = &p_.c(rows.begin, columns.begin);
          if (has_epilogue) block.epilogue = epilogue_at(p_.epilogue, rows.begin, columns.begin);
          table_.gemm(block);
          set_b_packed(block.b, columns);
        }
      }
    }
  }

 private:
  /// Blocks of rows end where tiles do: all rows are cut into tiles of nearly equal height.
  index first_row(index row_block) const {
    if (row_blocks_ == 1) return row_block == 0 ? rows_.begin : rows_.end;
    return rows_.begin + rows_.size() * (tiles_ * row_block / row_blocks_) / tiles_;
  }

  void set_b(OperandB<T>& b, Range columns, Range k, bool holds_b) {
    b.row_stride = table_.nr;
    b.panel_stride = k.size() * table_.nr;
    b.access = AccessB::packed;
    switch (p_.b.source) {
      case SourceB::prepacked:
        b.panels = p_.b.panels + k.begin * padded_columns(table_, p_.n) + columns.begin * k.size();
        return;
      case SourceB::batch:
        if (p_.b.sample_axis == SampleAxis::columns) return set_batch_panels(b, columns, k);
        b.panels = b.packed = space_.b;
        if (!holds_b) pack_batch_rows(b, columns, k);
        return;
      case SourceB::matrix:
        break;
    }
    if (matrix_b_ == MatrixB::in_place) {
      if (k.size() == 0) return;  // there may be no operands
      b.access = AccessB::in_place;
      b.panels = &p_.b.matrix(k.begin, columns.begin);
      b.row_stride = p_.b.matrix.row_stride;
      b.panel_stride = table_.nr;
      return;
    }
    b.panels = b.packed = space_.b;
    if (holds_b || k.size() == 0) return;
    index first = 0;  // column to pack from before the product
    if (table_.packs_b_rows && p_.b.matrix.col_stride == 1) {
      b.access = AccessB::pack_rows;
      b.rows = &p_.b.matrix(k.begin, columns.begin);
      b.rows_stride = p_.b.matrix.row_stride;
      first = whole_panels(columns.size());
    }
    pack_from(first, columns, k);
  }

  /// Samples as columns of B: the batch's own panels.
  void set_batch_panels(OperandB<T>& b, Range columns, Range k) {
    PackedBatch<T>& batch = *p_.b.batch;
    const Range whole{columns.begin, columns.begin + whole_panels(columns.size())};
    b.panel_stride = batch.panel_stride();
    b.packed = batch.panels() + columns.begin / table_.nr * b.panel_stride + k.begin * table_.nr;
    b.panels = b.packed;
    // The first tile packs all features of a sample, or none.
    if (k_blocks_ == 1 && packs_samples(whole, k, k.size()) && batch.none_is_packed(whole)) {
      b.access = AccessB::pack_samples;
      b.samples = &samples_;
      b.sample_axis = SampleAxis::columns;
      batch.pack({whole.end, columns.end});
    } else {
      batch.pack(columns);
    }
  }

  /// Samples as rows of B, into the space.
  void pack_batch_rows(OperandB<T>& b, Range columns, Range k) {
    const Range whole{columns.begin, columns.begin + whole_panels(columns.size())};
    index first = 0;
    if (packs_samples(k, whole, k.size())) {
      b.access = AccessB::pack_samples;
      b.samples = &samples_;
      b.sample_axis = SampleAxis::rows;
      first = whole.size();
    }
    pack_from(first, columns, k);
  }

  /// Packs what a product does not pack in passing: the columns from the `first` of the block on.
  void pack_from(index first, Range columns, Range k) {
    if (first < columns.size() && k.size() > 0)
      pack_block_of_b(table_, p_.b, k, {columns.begin + first, columns.end},
                      space_.b + first * k.size());
  }

  /// Whether the first tile can pack these samples and features; samples_ describes them then.
  bool packs_samples(Range samples, Range features, index k) {
    samples_ = block_of_samples(p_.b.batch->call(), samples, features);
    return packs_samples_in_passing(table_, samples_, k, first_row(1) - first_row(0));
  }

  /// After the first block of rows, whose first tile has packed B if that was its access.
  void set_b_packed(OperandB<T>& b, Range columns) {
    if (b.access == AccessB::pack_samples && b.sample_axis == SampleAxis::columns)
      p_.b.batch->mark_packed({columns.begin, columns.begin + whole_panels(columns.size())});
    if (b.access != AccessB::in_place) b.access = AccessB::packed;
  }

  void set_a(OperandA<T>& a, Range rows, Range k, Range columns) {
    a.access = access_a_;
    if (k.size() > 0) a.data = &p_.a(rows.begin, k.begin);
    a.row_stride = p_.a.row_stride;
    a.col_stride = p_.a.col_stride;
    switch (access_a_) {
      case AccessA::in_place:
        break;
      case AccessA::packed:
        if (k.size() > 0)
          table_.pack_a(rows.size(), k.size(), a.data, a.row_stride, a.col_stride, space_.a);
        a.data = space_.a;
        a.tile_stride = tile_stride(table_.mr, k.size());
        break;
      case AccessA::pack_columns:
        a.scratch = space_.a;
        break;
      case AccessA::copy_rows:
        a.scratch_row_stride = copied_row_stride<T>(k.size());
        if (columns.begin == columns_.begin) {
          a.scratch = space_.a;
        } else {  // copied by the first block of B
          a.access = AccessA::in_place;
          a.data = space_.a;
          a.row_stride = a.scratch_row_stride;
        }
        break;
    }
  }

  index whole_panels(index columns) const { return columns / table_.nr * table_.nr; }

  const KernelTable<T>& table_;
  const GemmProblem<T>& p_;
  Range rows_, columns_;
  MatrixB matrix_b_;
  AccessA access_a_;
  PackingSpace<T> space_;
  index k_blocks_, tiles_, row_blocks_;
  index width_;  // columns of a block
  ByteGatherBlock<T> samples_;
};

/// The part of a product that K's block `kb` of `blocks` contributes.
template <class T>
GemmProblem<T> k_part(const KernelTable<T>& table, const GemmProblem<T>& p, index kb,
                      index blocks) {
  const Range k = k_block(p.k, kb, blocks);
  GemmProblem<T> part = p;
  part.k = k.size();
  part.a = block(p.a, 0, k.begin, p.m, k.size());
  if (p.b.source == SourceB::matrix)
    part.b.matrix = block(p.b.matrix, k.begin, 0, k.size(), p.n);
  else
    part.b.panels += k.begin * padded_columns(table, p.n);
  if (kb > 0) part.beta = 1;
  if (kb != blocks - 1) part.epilogue.steps = 0;
  return part;
}

/// As BlockedLoopNest, with rows of A copied to where they do not collide, rows_of_copy at a time.
/// A B of more than one block is packed again for each of these pieces: in passing, which is little
/// beside the work of as many rows. K's blocks come before B's, where BlockedLoopNest has them
/// within: what is copied of A then serves all of B.
template <class T>
void run_copied_rows(const KernelTable<T>& table, const GemmProblem<T>& p, Range rows,
                     Range columns, PackingSpace<T> space, PackedBState& state) {
  const index k_blocks = k_blocks_of(table, p.k);
  const index most = rows_of_copy<T>(table, rows.size(), longest_k_block(table, p.k));
  for (Range r{rows.begin, 0}; r.begin < rows.end; r.begin = r.end) {
    r.end = std::min(r.begin + most, rows.end);
    for (index kb = 0; kb < k_blocks; ++kb) {
      const GemmProblem<T> part = k_part(table, p, kb, k_blocks);
      PackedBState of_part = state;
      BlockedLoopNest<T>(table, part, r, columns, MatrixB::packed, AccessA::copy_rows, space)
          .run(of_part);
      if (k_blocks == 1) state = of_part;
    }
  }
}

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_GEMM_LOOP_NEST_H_
