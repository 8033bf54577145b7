// The GEMM driver: orientation, blocking, packing, tasks. Start reading at run_task.
//
// The plain version of what it does: C(i, j) = alpha Σ_p A(i, p) B(p, j) + beta C(i, j), with B cut
// into panels that are packed once and used by all rows of A, and K cut where the table says.
#include <cstdlib>
#include <new>

#include <lamella/matrix.h>

#include "backends/drivers.h"
#include "backends/gemm_blocking.h"

namespace lamella::backends {
namespace {

/// Flops that pay for waking one more worker: about 4 us of one core, the cost of a fork and join.
constexpr double kFlopsPerWorker = 400e3;

/// What a worker keeps from one part of a product to the next.
struct Share {
  index rows = 0;            ///< of A, of all parts together
  bool b_is_packed = false;  ///< all of B, in the buffer of the worker's thread
};

/// Memory for packed panels, one block per thread, kept for the next call.
class PackBuffer {
 public:
  PackBuffer() = default;
  PackBuffer(const PackBuffer&) = delete;
  PackBuffer& operator=(const PackBuffer&) = delete;
  ~PackBuffer() { std::free(data_); }

  /// At least `bytes`, 64-byte aligned; null when memory runs out.
  void* get(std::size_t bytes) noexcept {
    if (bytes > size_) {
      std::free(data_);
      bytes = (bytes + 4095) / 4096 * 4096;
      data_ = std::aligned_alloc(4096, bytes);
      size_ = data_ != nullptr ? bytes : 0;
    }
    return data_;
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

thread_local PackBuffer pack_buffer;

/// Tiles of a part, at least, where a worker's rows are cut so that others can take some: a part
/// reads all of packed B, which goes unnoticed beside the work of a few tiles.
constexpr index kTilesPerPart = 4;

/// The rows x columns piece of a problem, with room for `capacity` packed elements of B, and for a
/// tile or a block of A, which is else read in place.
template <class T>
void run_piece(const KernelTable<T>& table, const Problem<T>& p, Range rows, Range columns,
               bool packed, T* buffer, index capacity, PackA pack_a, T* a_buffer, Share& share) {
  const index k_blocks = k_blocks_of(table, p.k);
  const index panels = std::max<index>(capacity / (longest_k_block(table, p.k) * table.nr), 1);
  // Blocks of rows end where tiles do: the rows as a whole are cut into tiles of nearly equal
  // height.
  const index tiles = (rows.size() + table.mr - 1) / table.mr;
  // Along the rows, every tile passes once: blocks are for packing only.
  const bool whole = table.along_rows && pack_a != PackA::by_blocks;
  const index tiles_of_block = whole ? tiles : tiles_of_a_block(table);
  const index row_blocks = (tiles + tiles_of_block - 1) / tiles_of_block;
  const auto row_at = [&](index row_block) {
    return rows.begin + rows.size() * (tiles * row_block / row_blocks) / tiles;
  };
  const bool b_is_packed = share.b_is_packed;
  share.b_is_packed = packed && k_blocks == 1 && columns.size() <= panels * table.nr;

  for (index j = columns.begin; j < columns.end; j += panels * table.nr) {
    const index n = std::min(columns.end - j, panels * table.nr);
    for (index kb = 0; kb < k_blocks; ++kb) {
      const Range ks = k_block(p.k, kb, k_blocks);
      GemmBlock<T> g{};
      g.k = ks.size();
      g.n = n;
      g.alpha = p.alpha;
      g.beta = kb == 0 ? p.beta : T{1};
      g.c_row_stride = p.c.row_stride;
      const T* b = p.b.data + ks.begin * p.b.row_stride + j * p.b.col_stride;
      if (packed) {
        g.b = buffer;
        g.b_row_stride = table.nr;
        g.b_panel_stride = g.k * table.nr;
        index first = b_is_packed ? n : 0;  // column to pack from before the product
        if (!b_is_packed && table.packs_b_in_passing && p.b.col_stride == 1 && g.k > 0) {
          g.b_source = b;
          g.b_source_stride = p.b.row_stride;
          first = n / table.nr * table.nr;
        }
        if (first < n && g.k > 0)
          table.pack_b(g.k, n - first, b + first * p.b.col_stride, p.b.row_stride, p.b.col_stride,
                       buffer + first * g.k);
      } else {
        g.b = b;
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
        g.a = p.a.data + r.begin * p.a.row_stride + ks.begin * p.a.col_stride;
        g.a_row_stride = p.a.row_stride;
        g.a_col_stride = p.a.col_stride;
        g.a_pack = pack_a == PackA::by_tiles ? a_buffer : nullptr;
        if (pack_a == PackA::by_blocks && g.k > 0) {
          table.pack_a(g.m, g.k, g.a, g.a_row_stride, g.a_col_stride, a_buffer);
          g.a = a_buffer;
          g.a_tile_stride = tile_stride(table.mr, g.k);
        }
        g.c = &p.c(r.begin, j);
        if (g.epilogue != nullptr) {
          if (epilogue.row_bias != nullptr)
            epilogue.row_bias = p.epilogue.row_bias + r.begin * p.epilogue.row_bias_stride;
          if (epilogue.gate != nullptr)
            epilogue.gate = p.epilogue.gate + r.begin * p.epilogue.gate_row_stride + j;
        }
        table.gemm(g);
        g.b_source = nullptr;  // packed now
      }
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
  if (p.b.col_stride == 1 && rows.size() <= kUnpackedTiles * table.mr && whole > 0) {
    Share none;
    run_piece<T>(table, p, rows, {columns.begin, columns.begin + whole}, false, nullptr,
                 PTRDIFF_MAX / 2, PackA::no, nullptr, none);
    columns.begin += whole;
    if (columns.size() == 0) return;
  }
  const index k = longest_k_block(table, p.k);
  const index b_wanted = block_of_b(table, share.rows, k, columns.size());
  const PackA pack_a = packing_of_a(table, p, columns.size());
  const index a_tiles = pack_a == PackA::no         ? 0
                        : pack_a == PackA::by_tiles ? 1
                                                    : tiles_of_a_block(table);
  const auto wanted = static_cast<std::size_t>(b_wanted + a_tiles * tile_stride(table.mr, k));
  if (void* memory = pack_buffer.get(wanted * sizeof(T))) {
    T* buffer = static_cast<T*>(memory);
    run_piece(table, p, rows, columns, true, buffer, b_wanted, pack_a, buffer + b_wanted, share);
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
Grid choose_grid(const KernelTable<T>& table, index m, index n, int workers) {
  constexpr double kPackCost = 1;          // packing a panel costs about as much as a row of C
  constexpr double kGainForColumns = 0.9;  // cutting the columns must save a tenth
  const index tiles = (m + table.mr - 1) / table.mr, panels = (n + table.nr - 1) / table.nr;
  Grid best{1, 1};
  double best_cost = -1;
  for (int columns = 1; columns <= std::min<index>(workers, panels); ++columns) {
    const int rows = static_cast<int>(std::min<index>(workers / columns, tiles));
    const double wide = static_cast<double>((panels + columns - 1) / columns);
    const double high = static_cast<double>((tiles + rows - 1) / rows * table.mr);
    const double cost = wide * (high + kPackCost);
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
  const Grid grid = workers == 1 ? Grid{1, 1} : choose_grid(table, p.m, p.n, workers);
  // Where every worker has rows of its own, these are cut once more, for the fastest to take some;
  // but not where B is more than one block, which every part would pack again.
  const index rows_of_one = std::max<index>(p.m / grid.rows, 1);
  const bool shares = grid.columns == 1 && grid.rows > 1 && grid.rows == executor.concurrency() &&
                      is_one_block(table, rows_of_one, p.k, p.n);
  const index tiles = (p.m + table.mr - 1) / table.mr;
  const int cut = shares ? static_cast<int>(std::clamp<index>(tiles / (kTilesPerPart * grid.rows),
                                                              1, executor.parts_per_worker()))
                         : 1;
  const int row_parts = grid.rows * cut;
  Share of_all{rows_of_one};
  executor.run(row_parts * grid.columns, [&](int part) {
    Share of_one{rows_of_one};
    run_task(table, p, part_of(p.m, part / grid.columns, row_parts, table.mr),
             part_of(p.n, part % grid.columns, grid.columns, table.nr), cut > 1 ? of_all : of_one);
  });
}

constexpr bool transcendental(ActivationKind kind) {
  return kind == ActivationKind::tanh || kind == ActivationKind::sigmoid;
}

template <class T>
bool has_epilogue(const Epilogue<T>& e) {
  return !e.bias.empty() || e.activation.kind != ActivationKind::identity || !e.gate.empty();
}

/// Lays the call out as a Problem; `flip` computes Cᵀ = Bᵀ Aᵀ instead.
template <class T>
Problem<T> make_problem(const FusedGemm<T>& call, bool flip) {
  const Gemm<T>& g = call.gemm;
  const Epilogue<T>& e = call.epilogue;
  Problem<T> p{};
  p.a = flip ? transposed(g.b) : g.a;
  p.b = flip ? transposed(g.a) : g.b;
  p.c = flip ? transposed(g.c) : g.c;
  p.m = p.c.rows;
  p.n = p.c.cols;
  p.k = g.alpha == 0 ? 0 : p.a.cols;
  p.alpha = g.alpha;
  p.beta = g.beta;
  p.has_epilogue = has_epilogue(e);
  if (!e.bias.empty()) {
    if (flip) {
      p.epilogue.row_bias = e.bias.data;
      p.epilogue.row_bias_stride = e.bias.stride;
    } else {
      p.epilogue.column_bias = e.bias.data;
    }
  }
  p.epilogue.activation = static_cast<int>(e.activation.kind);
  p.epilogue.slope = static_cast<T>(e.activation.slope);
  if (!e.gate.empty()) {
    p.epilogue.gate = e.gate.data;
    p.epilogue.gate_row_stride = flip ? e.gate.col_stride : e.gate.row_stride;
  }
  p.epilogue.gate_activation = static_cast<int>(e.gate_activation.kind);
  p.epilogue.gate_slope = static_cast<T>(e.gate_activation.slope);
  return p;
}

/// Can the micro-kernel write C (and read gate and bias) in this orientation?
template <class T>
bool fits(const FusedGemm<T>& call, bool flip) {
  const View<T> c = flip ? transposed(call.gemm.c) : call.gemm.c;
  if (c.col_stride != 1 && c.cols > 1) return false;
  if (!call.epilogue.gate.empty()) {
    const ConstView<T> gate = flip ? transposed(call.epilogue.gate) : call.epilogue.gate;
    if (gate.col_stride != 1 && gate.cols > 1) return false;
  }
  return flip || call.epilogue.bias.stride == 1 || call.epilogue.bias.size <= 1;
}

/// Any strides, slowly: C and gate go through dense blocks.
template <class T>
void gemm_through_copy(const KernelTable<T>& table, const FusedGemm<T>& call) {
  const Gemm<T>& g = call.gemm;
  const Epilogue<T>& e = call.epilogue;
  constexpr index kSide = 32;
  for (index i = 0; i < g.c.rows; i += kSide)
    for (index j = 0; j < g.c.cols; j += kSide) {
      const index m = std::min(kSide, g.c.rows - i), n = std::min(kSide, g.c.cols - j);
      alignas(64) T c[kSide * kSide], gate[kSide * kSide], bias[kSide];
      FusedGemm<T> part = call;
      part.gemm.a = block(g.a, i, 0, m, g.a.cols);
      part.gemm.b = block(g.b, 0, j, g.b.rows, n);
      part.gemm.c = {c, m, n, kSide, 1};
      if (!e.bias.empty()) {
        for (index q = 0; q < n; ++q) bias[q] = e.bias[j + q];
        part.epilogue.bias = {bias, n, 1};
      }
      if (!e.gate.empty()) part.epilogue.gate = {gate, m, n, kSide, 1};
      for (index r = 0; r < m; ++r)
        for (index q = 0; q < n; ++q) {
          if (g.beta != 0) c[r * kSide + q] = g.c(i + r, j + q);
          if (!e.gate.empty()) gate[r * kSide + q] = e.gate(i + r, j + q);
        }
      Share share{m};
      run_task(table, make_problem(part, false), {0, m}, {0, n}, share);
      for (index r = 0; r < m; ++r)
        for (index q = 0; q < n; ++q) g.c(i + r, j + q) = c[r * kSide + q];
    }
}

}  // namespace

template <class T>
void Drivers<T>::gemm(const Gemm<T>& call) const noexcept {
  fused_gemm({call, {}});
}

/// y ← alpha M x + beta y with M's rows contiguous: dot products, lanes along k.
template <class T>
void Drivers<T>::gemv(const Gemm<T>& g) const noexcept {
  const bool column = g.c.cols == 1;
  const ConstView<T> matrix = column ? g.a : transposed(g.b);
  const ConstVectorView<T> x = column ? lamella::column(g.b, 0) : lamella::row(g.a, 0);
  const VectorView<T> y = column ? lamella::column(g.c, 0) : lamella::row(g.c, 0);
  parallel_for(executor_, matrix.rows, 4, static_cast<double>(matrix.size()), [&](Range r) {
    table_.gemv(r.size(), matrix.cols, g.alpha, matrix.data + r.begin * matrix.row_stride,
                matrix.row_stride, x.data, g.beta, &y[r.begin], y.stride);
  });
}

/// Both operands contiguous along k, and one with few rows: a panel of the other is packed for as
/// many uses only as the one has rows, while a dot product costs its sum across lanes, once.
/// Packing takes about 0.5 cycles an element, a sum with what follows 3 to 4 (Zen 3).
constexpr index kDepthPerRow = 12;

template <class T>
bool prefers_dots(const KernelTable<T>& table, const Gemm<T>& g) {
  const index rows = std::min(g.c.rows, g.c.cols);
  return table.gemm_dots != nullptr && g.a.col_stride == 1 && g.b.row_stride == 1 &&
         rows <= table.dots_rows && kDepthPerRow * rows <= g.a.cols;
}

/// C ← alpha A B + beta C, every element a dot product; A becomes the operand with fewer rows.
template <class T>
void Drivers<T>::gemm_dots(const Gemm<T>& g) const noexcept {
  const bool flip = g.c.rows > g.c.cols;
  const ConstView<T> a = flip ? transposed(g.b) : g.a;
  const ConstView<T> b = flip ? g.a : transposed(g.b);
  const View<T> c = flip ? transposed(g.c) : g.c;
  const int workers =
      workers_for(executor_, 2.0 * static_cast<double>(c.size()) * static_cast<double>(a.cols),
                  kFlopsPerWorker);
  executor_.run(workers, [&](int worker) {
    const Range columns = part_of(c.cols, worker, workers, 1);
    if (columns.size() == 0) return;
    table_.gemm_dots({c.rows, columns.size(), a.cols, a.data, a.row_stride,
                      b.data + columns.begin * b.row_stride, b.row_stride, &c(0, columns.begin),
                      c.row_stride, c.col_stride, g.alpha, g.beta});
  });
}

/// The epilogue as passes of its own, for products that have none in their kernel.
template <class T>
void Drivers<T>::apply_epilogue(const Epilogue<T>& e, View<T> c) const noexcept {
  if (!e.bias.empty()) bias_add({e.bias, c});
  if (e.activation.kind != ActivationKind::identity) activate({e.activation, c, c});
  if (!e.gate.empty()) activate_backward({e.gate_activation, e.gate, c});
}

template <class T>
void Drivers<T>::fused_gemm(const FusedGemm<T>& call) const noexcept {
  const Gemm<T>& g = call.gemm;
  const Epilogue<T>& e = call.epilogue;
  if (g.c.empty()) return;

  // A tile applies tanh and sigmoid after everything else, so a gate on top of them is a second
  // pass.
  if (transcendental(e.activation.kind) && !e.gate.empty()) {
    Epilogue<T> first = e;
    first.gate = {};
    fused_gemm({g, first});
    activate_backward({e.gate_activation, e.gate, g.c});
    return;
  }

  const bool nonempty_product = g.alpha != 0 && g.a.cols > 0;
  const bool column = g.c.cols == 1;
  if (nonempty_product && (column || g.c.rows == 1)) {
    const ConstView<T> matrix = column ? g.a : transposed(g.b);
    const index x_stride = column ? g.b.row_stride : g.a.col_stride;
    if (matrix.col_stride == 1 && (x_stride == 1 || matrix.cols == 1)) {
      gemv(g);
      return apply_epilogue(e, g.c);
    }
  }
  if (nonempty_product && prefers_dots(table_, g)) {
    gemm_dots(g);
    return apply_epilogue(e, g.c);
  }

  // Lanes go along the contiguous direction of C; a vector C is contiguous both ways, and then the
  // longer direction is the one with lanes to fill.
  const bool straight = fits(call, false), flipped = fits(call, true);
  if (straight || flipped) {
    const bool flip = !straight || (flipped && g.c.rows > g.c.cols);
    run_problem(table_, executor_, make_problem(call, flip));
    return;
  }

  // Neither direction of C (or of the gate) is contiguous: by blocks through a dense copy.
  executor_.run(1, [&](int) { gemm_through_copy(table_, call); });
}

template void Drivers<float>::gemm(const Gemm<float>&) const noexcept;
template void Drivers<double>::gemm(const Gemm<double>&) const noexcept;
template void Drivers<float>::gemv(const Gemm<float>&) const noexcept;
template void Drivers<double>::gemv(const Gemm<double>&) const noexcept;
template void Drivers<float>::gemm_dots(const Gemm<float>&) const noexcept;
template void Drivers<double>::gemm_dots(const Gemm<double>&) const noexcept;
template void Drivers<float>::apply_epilogue(const Epilogue<float>&, View<float>) const noexcept;
template void Drivers<double>::apply_epilogue(const Epilogue<double>&, View<double>) const noexcept;
template void Drivers<float>::fused_gemm(const FusedGemm<float>&) const noexcept;
template void Drivers<double>::fused_gemm(const FusedGemm<double>&) const noexcept;

}  // namespace lamella::backends
