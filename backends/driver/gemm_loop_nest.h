// A product in the kernel's orientation, as tasks: blocking, packing, threads. Start reading at
// run_task.
//
// The plain version of what it does: C(i, j) = alpha Σ_p A(i, p) B(p, j) + beta C(i, j), with B cut
// into panels that are packed once and used by all rows of A, and K cut where the table says.
#ifndef LAMELLA_BACKENDS_DRIVER_GEMM_LOOP_NEST_H_
#define LAMELLA_BACKENDS_DRIVER_GEMM_LOOP_NEST_H_

#include <algorithm>
#include <cstddef>

#include "backends/driver/gemm_blocking.h"
#include "backends/driver/pack_buffer.h"

namespace lamella::backends {

/// Flops that pay for waking one more worker: about 4 us of one core, the cost of a fork and join.
constexpr double kFlopsPerWorker = 400e3;

/// What a worker keeps from one part of a product to the next.
struct Share {
  index rows = 0;            ///< of A, of all parts together
  bool b_is_packed = false;  ///< all of B, in the buffer of the worker's thread
};

inline thread_local PackBuffer pack_buffer;

/// Tiles of a part, at least, where a worker's rows are cut so that others can take some: a part
/// reads all of packed B, which goes unnoticed beside the work of a few tiles.
constexpr index kTilesPerPart = 4;

/// Packs k x columns of B.
template <class T>
void pack_block_of_b(const KernelTable<T>& table, const Problem<T>& p, Range k, Range columns,
                     T* packed) {
  if (p.samples == nullptr)
    return table.pack_b(k.size(), columns.size(), &p.b(k.begin, columns.begin), p.b.row_stride,
                        p.b.col_stride, packed);
  // Samples as rows: the transpose of their panels.
  const T* const panels = p.samples->panels(k);
  for (index j = columns.begin; j < columns.end; j += table.nr, packed += k.size() * table.nr) {
    const index n = std::min(table.nr, columns.end - j);
    for (index s = k.begin, end; s < k.end; s = end) {
      const index panel = s / table.nr, lane = s % table.nr;
      end = std::min(k.end, (panel + 1) * table.nr);
      table.pack_b(end - s, n, panels + panel * p.samples->panel_stride() + j * table.nr + lane, 1,
                   table.nr, packed + (s - k.begin) * table.nr);
    }
  }
}

/// The rows x columns piece of a problem, with room for `capacity` packed elements of B, and for a
/// tile or a block of A, which is else read in place. Where A is to be copied, there is room for
/// all of the piece, K is one block, and the first block of B finds A in place.
template <class T>
void run_piece(const KernelTable<T>& table, const Problem<T>& p, Range rows, Range columns,
               bool packed, T* buffer, index capacity, PackA pack_a, T* a_buffer, Share& share) {
  const index k_blocks = k_blocks_of(table, p.k);
  const index panels = std::max<index>(capacity / (longest_k_block(table, p.k) * table.nr), 1);
  // Blocks of rows end where tiles do: the rows as a whole are cut into tiles of nearly equal
  // height.
  const index tiles = (rows.size() + table.mr - 1) / table.mr;
  // Along the rows, every tile passes once and needs no blocks.
  const index tiles_of_block = table.along_rows ? tiles : tiles_of_a_block(table);
  const index row_blocks = (tiles + tiles_of_block - 1) / tiles_of_block;
  const auto row_at = [&](index row_block) {
    if (row_blocks == 1) return row_block == 0 ? rows.begin : rows.end;
    return rows.begin + rows.size() * (tiles * row_block / row_blocks) / tiles;
  };
  const bool samples_are_b = p.samples != nullptr && p.samples_are_columns;
  const bool packs_in_passing =
      table.packs_b_in_passing && p.b.col_stride == 1 && p.samples == nullptr;
  const bool b_is_packed = share.b_is_packed;
  // B as bytes, and whether the first tile can pack them.
  ByteGatherBlock<T> bytes;
  const auto takes_bytes = [&](Range samples, Range features, index k) {
    bytes = block_of_samples(p.samples->call(), samples, features);
    return packs_bytes_in_passing(table, bytes, k, row_at(1) - row_at(0));
  };
  share.b_is_packed = packed && k_blocks == 1 && columns.size() <= panels * table.nr;

  for (index j = columns.begin; j < columns.end; j += panels * table.nr) {
    const index n = std::min(columns.end - j, panels * table.nr);
    const index whole = n / table.nr * table.nr;
    for (index kb = 0; kb < k_blocks; ++kb) {
      const Range ks = k_block(p.k, kb, k_blocks);
      GemmBlock<T> g{};
      g.k = ks.size();
      g.n = n;
      g.alpha = p.alpha;
      g.beta = kb == 0 ? p.beta : T{1};
      g.c_row_stride = p.c.row_stride;
      if (samples_are_b) {
        const index panel_stride = p.samples->panel_stride();
        if (k_blocks == 1 && takes_bytes({j, j + whole}, ks, g.k) &&
            p.samples->claim({j, j + whole})) {
          g.b_samples = &bytes;
          g.samples_are_columns = true;
        }
        g.b = p.samples->panels({j, j + n}) + j / table.nr * panel_stride + ks.begin * table.nr;
        g.b_row_stride = table.nr;
        g.b_panel_stride = panel_stride;
      } else if (p.packed_b != nullptr) {
        g.b = p.packed_b + ks.begin * padded_columns(table, p.n) + j * g.k;
        g.b_row_stride = table.nr;
        g.b_panel_stride = g.k * table.nr;
      } else if (packed) {
        g.b = buffer;
        g.b_row_stride = table.nr;
        g.b_panel_stride = g.k * table.nr;
        index first = b_is_packed ? n : 0;  // column to pack from before the product
        if (!b_is_packed && packs_in_passing && g.k > 0) {
          g.b_source = &p.b(ks.begin, j);
          g.b_source_stride = p.b.row_stride;
          first = whole;
        } else if (!b_is_packed && p.samples != nullptr && takes_bytes(ks, {j, j + whole}, g.k)) {
          g.b_samples = &bytes;
          first = whole;
        }
        if (first < n && g.k > 0)
          pack_block_of_b(table, p, ks, {j + first, j + n}, buffer + first * g.k);
      } else if (g.k > 0) {  // there may be no operands otherwise
        g.b = &p.b(ks.begin, j);
        g.b_row_stride = p.b.row_stride;
        g.b_panel_stride = table.nr;
      }
      TileEpilogue<T> epilogue;
      if (p.has_epilogue && kb == k_blocks - 1) {
        epilogue = p.epilogue;
        if (epilogue.column_bias != nullptr) epilogue.column_bias += j;
        g.epilogue = &epilogue;
      }
      for (index rb = 0; rb < row_blocks; ++rb) {
        const Range r{row_at(rb), row_at(rb + 1)};
        g.m = r.size();
        if (g.k > 0) g.a = &p.a(r.begin, ks.begin);
        g.a_row_stride = p.a.row_stride;
        g.a_col_stride = p.a.col_stride;
        g.a_pack = pack_a == PackA::by_tiles ? a_buffer : nullptr;
        if (pack_a == PackA::as_rows) {
          g.a_copy_stride = copied_stride<T>(g.k);
          if (j == columns.begin) {
            g.a_copy = a_buffer;
          } else {
            g.a = a_buffer;
            g.a_row_stride = g.a_copy_stride;
          }
        }
        if (pack_a == PackA::by_blocks && g.k > 0) {
          table.pack_a(g.m, g.k, g.a, g.a_row_stride, g.a_col_stride, a_buffer);
          g.a = a_buffer;
          g.a_tile_stride = tile_stride(table.mr, g.k);
        }
        g.c = &p.c(r.begin, j);
        if (g.epilogue != nullptr) {
          if (epilogue.row_bias != nullptr)
            epilogue.row_bias = p.epilogue.row_bias + r.begin * p.epilogue.row_bias_stride;
          if (epilogue.activation_output != nullptr)
            epilogue.activation_output = p.epilogue.activation_output +
                                         r.begin * p.epilogue.activation_output_row_stride + j;
        }
        table.gemm(g);
        g.b_source = nullptr;  // packed now
        g.b_samples = nullptr;
      }
    }
  }
}

/// The part of a product that K's block `kb` of `blocks` contributes.
template <class T>
Problem<T> k_part(const KernelTable<T>& table, const Problem<T>& p, index kb, index blocks) {
  const Range ks = k_block(p.k, kb, blocks);
  Problem<T> part = p;
  part.k = ks.size();
  part.a = block(p.a, 0, ks.begin, p.m, ks.size());
  part.b = block(p.b, ks.begin, 0, ks.size(), p.n);
  if (p.packed_b != nullptr) part.packed_b += ks.begin * padded_columns(table, p.n);
  if (kb > 0) part.beta = 1;
  part.has_epilogue = p.has_epilogue && kb == blocks - 1;
  return part;
}

/// As run_piece, with rows of A copied to where they do not collide, as many at a time as
/// rows_of_copy says. A B of more than one block is packed again for each of these pieces: in
/// passing, which is little beside the work of so many rows. K's blocks come before B's, where
/// run_piece has them within: what is copied of A then serves all of B.
template <class T>
void run_copied_rows(const KernelTable<T>& table, const Problem<T>& p, Range rows, Range columns,
                     T* buffer, index capacity, T* copy, Share& share) {
  const index k_blocks = k_blocks_of(table, p.k);
  const index most = rows_of_copy(table, rows.size(), longest_k_block(table, p.k));
  for (Range r{rows.begin, 0}; r.begin < rows.end; r.begin = r.end) {
    r.end = std::min(r.begin + most, rows.end);
    for (index kb = 0; kb < k_blocks; ++kb) {
      Share of_block = share;
      run_piece<T>(table, k_part(table, p, kb, k_blocks), r, columns, true, buffer, capacity,
                   PackA::as_rows, copy, of_block);
      if (k_blocks == 1) share = of_block;
    }
  }
}

/// Without memory for a packed block: panel by panel through the stack.
template <class T>
[[gnu::noinline]] void run_task_on_stack(const KernelTable<T>& table, const Problem<T>& p,
                                         Range rows, Range columns) {
  constexpr index kStackBytes = 128 * 1024;  // at least one panel, kc x nr elements, of every table
  alignas(64) unsigned char stack[kStackBytes];
  Share none;
  run_piece<T>(table, p, rows, columns, true, reinterpret_cast<T*>(stack),
               kStackBytes / index{sizeof(T)}, PackA::no, nullptr, none);
}

/// One task: rows x columns of C over all of K. Tasks that share have the same columns.
template <class T>
void run_task(const KernelTable<T>& table, const Problem<T>& p, Range rows, Range columns,
              Share& share) {
  if (rows.size() <= 0 || columns.size() <= 0) return;
  const index whole = columns.size() / table.nr * table.nr;
  if (reads_b_in_place(table, p, rows.size()) && whole > 0) {
    Share none;
    run_piece<T>(table, p, rows, {columns.begin, columns.begin + whole}, false, nullptr,
                 PTRDIFF_MAX / 2, PackA::no, nullptr, none);
    columns.begin += whole;
    if (columns.size() == 0) return;
  }
  const index k = longest_k_block(table, p.k);
  const index b_wanted = block_of_b(table, share.rows, k, columns.size());
  const PackA pack_a = packing_of_a(table, p, rows.size(), columns.size());
  const index a_wanted = elements_of_a(table, pack_a, rows.size(), k);
  const index b_packed = p.packed_b == nullptr ? b_wanted : 0;
  const auto wanted = static_cast<std::size_t>(std::max<index>(b_packed + a_wanted, 1));
  if (void* memory = pack_buffer.get(wanted * sizeof(T))) {
    T* const buffer = static_cast<T*>(memory);
    T* const a_buffer = buffer + b_packed;
    if (pack_a == PackA::as_rows)
      run_copied_rows(table, p, rows, columns, buffer, b_wanted, a_buffer, share);
    else
      run_piece(table, p, rows, columns, true, buffer, b_wanted, pack_a, a_buffer, share);
  } else {
    run_task_on_stack(table, p, rows, columns);
  }
}

/// How many pieces along rows and columns.
struct Grid {
  int rows, columns;
};

/// The grid of at most `workers` tasks whose longest task is shortest, cut along the rows unless
/// that costs clearly more. Rows of C are units in training: whoever computes a unit's activations
/// then also holds its weights and updates them, and they stay in one core's cache.
template <class T>
Grid choose_grid(const KernelTable<T>& table, const Problem<T>& p, int workers) {
  // Packing a panel costs about as much as a row of C, or six if it is transposed (AVX-512).
  const bool transposes = p.b.col_stride != 1 && p.packed_b == nullptr && p.samples == nullptr;
  const double pack_cost = transposes ? 6 : 1;
  constexpr double kGainForColumns = 0.97;  // what is left of the cost, at most
  const index tiles = (p.m + table.mr - 1) / table.mr, panels = (p.n + table.nr - 1) / table.nr;
  Grid best{1, 1};
  double best_cost = -1;
  for (int columns = 1; columns <= std::min<index>(workers, panels); ++columns) {
    const int rows = static_cast<int>(std::min<index>(workers / columns, tiles));
    const double wide = static_cast<double>((panels + columns - 1) / columns);
    const double high = static_cast<double>((p.m + rows - 1) / rows);
    const double cost = wide * (high + pack_cost);
    if (best_cost < 0 || cost < kGainForColumns * best_cost) {
      best = {rows, columns};
      best_cost = cost;
    }
  }
  return best;
}

template <class T>
void run_problem(const KernelTable<T>& table, const Executor& executor, const Problem<T>& p) {
  const double flops = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) *
                       static_cast<double>(std::max<index>(p.k, 1));
  const int workers = workers_for(executor, flops, kFlopsPerWorker);
  if (workers == 1)
    return executor.run(1, [&](int) {
      Share share{p.m};
      run_task(table, p, {0, p.m}, {0, p.n}, share);
    });
  const Grid grid = choose_grid(table, p, workers);
  // Where every worker has rows of its own, these are cut once more, for the fastest to take some;
  // but not where B is more than one block, which every part would pack again.
  const index rows_of_one = std::max<index>(p.m / grid.rows, 1);
  const bool shares = grid.columns == 1 && grid.rows > 1 && grid.rows == executor.concurrency() &&
                      (p.packed_b != nullptr || is_one_block(table, rows_of_one, p.k, p.n));
  const index tiles = (p.m + table.mr - 1) / table.mr;
  const int cut = shares ? static_cast<int>(std::clamp<index>(tiles / (kTilesPerPart * grid.rows),
                                                              1, executor.parts_per_worker()))
                         : 1;
  const int row_parts = grid.rows * cut;
  Share of_all{rows_of_one};
  executor.run(row_parts * grid.columns, [&](int part) {
    Share of_one{rows_of_one};
    // Workers have the same number of rows, and the parts of one whole tiles.
    const int row_part = part / grid.columns;
    const Range of_worker = part_of(p.m, row_part / cut, grid.rows, 1);
    Range rows = part_of(of_worker.size(), row_part % cut, cut, table.mr);
    rows = {of_worker.begin + rows.begin, of_worker.begin + rows.end};
    run_task(table, p, rows, part_of(p.n, part % grid.columns, grid.columns, table.nr),
             cut > 1 ? of_all : of_one);
  });
}

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_GEMM_LOOP_NEST_H_
