// The GEMM driver: which algorithm computes a product, in which orientation, and by how many tasks.
//
// Start reading at fused_gemm. What a task does is gemm_loop_nest.h's.
#include <lamella/packed_matrix.h>

#include "backends/driver/blocked_kernels.h"
#include "backends/driver/gemm_task.h"

namespace lamella::backends {
namespace {

constexpr bool transcendental(ActivationKind kind) {
  return kind == ActivationKind::tanh || kind == ActivationKind::sigmoid;
}

/// A product as it stands, or as Cᵀ = Bᵀ Aᵀ.
enum class Orientation { straight, transposed };

template <class T>
TileEpilogue<T> tile_epilogue_of(const Epilogue<T>& e, Orientation orientation) {
  TileEpilogue<T> tile{};
  if (!e.bias.empty()) {
    if (orientation == Orientation::transposed) {
      tile.steps |= kAddRowBias;
      tile.row_bias = e.bias.data;
      tile.row_bias_stride = e.bias.stride;
    } else {
      tile.steps |= kAddColumnBias;
      tile.column_bias = e.bias.data;
    }
  }
  if (e.activation.kind != ActivationKind::identity) {
    tile.steps |= kApplyActivation;
    tile.activation = static_cast<int>(e.activation.kind);
    tile.slope = static_cast<T>(e.activation.slope);
  }
  if (!e.activation_output.empty()) {
    tile.steps |= kMultiplyDerivative;
    tile.activation_output = e.activation_output.data;
    tile.activation_output_row_stride = orientation == Orientation::transposed
                                            ? e.activation_output.col_stride
                                            : e.activation_output.row_stride;
    tile.backward_of = static_cast<int>(e.backward_of.kind);
    tile.backward_slope = static_cast<T>(e.backward_of.slope);
  }
  return tile;
}

/// Lays the call out as a problem.
template <class T>
GemmProblem<T> make_problem(const FusedGemm<T>& call, Orientation orientation) {
  const Gemm<T>& g = call.gemm;
  const bool flip = orientation == Orientation::transposed;
  GemmProblem<T> p{};
  p.a = flip ? transposed(g.b) : g.a;
  p.b.source = SourceB::matrix;
  p.b.matrix = flip ? transposed(g.a) : g.b;
  p.c = flip ? transposed(g.c) : g.c;
  // Not read back from p.c: one load of what two stores have just written waits for both.
  p.m = flip ? g.c.cols : g.c.rows;
  p.n = flip ? g.c.rows : g.c.cols;
  p.k = g.alpha == 0 ? 0 : g.a.cols;
  p.alpha = g.alpha;
  p.beta = g.beta;
  p.epilogue = tile_epilogue_of(call.epilogue, orientation);
  return p;
}

/// Can the micro-kernel write C (and read the activation output and the bias) in this orientation?
template <class T>
bool fits(const FusedGemm<T>& call, Orientation orientation) {
  const bool flip = orientation == Orientation::transposed;
  const View<T> c = flip ? transposed(call.gemm.c) : call.gemm.c;
  if (c.col_stride != 1 && c.cols > 1) return false;
  const Epilogue<T>& e = call.epilogue;
  if (!e.activation_output.empty()) {
    const ConstView<T> output = flip ? transposed(e.activation_output) : e.activation_output;
    if (output.col_stride != 1 && output.cols > 1) return false;
  }
  return flip || e.bias.stride == 1 || e.bias.size <= 1;
}

/// Flops that pay for waking one more worker: about 4 us of one core, the cost of a fork and join.
constexpr double kFlopsPerWorker = 400e3;

/// The whole product, by as many tasks as pay.
template <class T>
void run_problem(const KernelTable<T>& table, const Executor& executor, const GemmProblem<T>& p) {
  const double flops = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) *
                       static_cast<double>(std::max<index>(p.k, 1));
  const int workers = workers_for(executor, flops, kFlopsPerWorker);
  if (workers == 1)
    return executor.run(1, [&](int) {
      PackedBState state{p.m};
      run_task(table, p, {0, p.m}, {0, p.n}, state);
    });
  const TaskGrid grid =
      with_parts(table, cache_sizes_of_this_machine(), p, choose_grid(table, p, workers),
                 executor.concurrency(), executor.parts_per_worker());
  const index rows_of_worker = std::max<index>(p.m / grid.rows, 1);
  PackedBState of_all{rows_of_worker};
  executor.run(grid.tasks(), [&](int task) {
    PackedBState of_one{rows_of_worker};
    run_task(table, p, grid.rows_of(table, p.m, task), grid.columns_of(table, p.n, task),
             grid.parts > 1 ? of_all : of_one);
  });
}

/// Any strides, slowly: C and the activation output go through dense blocks.
template <class T>
void gemm_through_copy(const KernelTable<T>& table, const FusedGemm<T>& call) {
  const Gemm<T>& g = call.gemm;
  const Epilogue<T>& e = call.epilogue;
  constexpr index kSide = 32;
  for (index i = 0; i < g.c.rows; i += kSide)
    for (index j = 0; j < g.c.cols; j += kSide) {
      const index m = std::min(kSide, g.c.rows - i), n = std::min(kSide, g.c.cols - j);
      alignas(64) T c[kSide * kSide], output[kSide * kSide], bias[kSide];
      FusedGemm<T> part = call;
      part.gemm.a = block(g.a, i, 0, m, g.a.cols);
      part.gemm.b = block(g.b, 0, j, g.b.rows, n);
      part.gemm.c = {c, m, n, kSide, 1};
      if (!e.bias.empty()) {
        for (index q = 0; q < n; ++q) bias[q] = e.bias[j + q];
        part.epilogue.bias = {bias, n, 1};
      }
      if (!e.activation_output.empty()) part.epilogue.activation_output = {output, m, n, kSide, 1};
      for (index r = 0; r < m; ++r)
        for (index q = 0; q < n; ++q) {
          if (g.beta != 0) c[r * kSide + q] = g.c(i + r, j + q);
          if (!e.activation_output.empty())
            output[r * kSide + q] = e.activation_output(i + r, j + q);
        }
      PackedBState state{m};
      run_task(table, make_problem(part, Orientation::straight), {0, m}, {0, n}, state);
      for (index r = 0; r < m; ++r)
        for (index q = 0; q < n; ++q) g.c(i + r, j + q) = c[r * kSide + q];
    }
}

}  // namespace

template <class T>
void BlockedKernels<T>::gemm(const Gemm<T>& call) const noexcept {
  fused_gemm({call, {}});
}

/// y ← alpha M x + beta y with M's rows contiguous: dot products, lanes along k.
template <class T>
void BlockedKernels<T>::gemv(const Gemm<T>& g) const noexcept {
  const bool column = g.c.cols == 1;
  const ConstView<T> matrix = column ? g.a : transposed(g.b);
  const ConstVectorView<T> x = column ? lamella::column(g.b, 0) : lamella::row(g.a, 0);
  const VectorView<T> y = column ? lamella::column(g.c, 0) : lamella::row(g.c, 0);
  parallel_for(executor_, matrix.rows, 4, static_cast<double>(matrix.size()), [&](Range r) {
    table_.gemv(r.size(), matrix.cols, g.alpha, matrix.data + r.begin * matrix.row_stride,
                matrix.row_stride, x.data, g.beta, &y[r.begin], y.stride);
  });
}

/// Both operands contiguous along k, and one with few rows: a panel of the other would be packed
/// for only as many uses as the one has rows, while a dot product costs its sum across lanes, once.
template <class T>
bool prefers_small_m(const KernelTable<T>& table, const Gemm<T>& g) {
  const index rows = std::min(g.c.rows, g.c.cols);
  return table.gemm_small_m != nullptr && g.a.col_stride == 1 && g.b.row_stride == 1 &&
         rows <= table.small_m && table.small_m_depth * rows <= g.a.cols;
}

/// C ← alpha A B + beta C, every element a dot product; A becomes the operand with fewer rows.
template <class T>
void BlockedKernels<T>::gemm_small_m(const Gemm<T>& g) const noexcept {
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
    table_.gemm_small_m({c.rows, columns.size(), a.cols, a.data, a.row_stride,
                         b.data + columns.begin * b.row_stride, b.row_stride, &c(0, columns.begin),
                         c.row_stride, c.col_stride, g.alpha, g.beta});
  });
}

/// The epilogue as passes of its own, for products that have none in their kernel.
template <class T>
void BlockedKernels<T>::apply_epilogue(const Epilogue<T>& e, View<T> c) const noexcept {
  if (!e.bias.empty()) bias_add({e.bias, c});
  if (e.activation.kind != ActivationKind::identity) activate({e.activation, c, c});
  if (!e.activation_output.empty()) activate_backward({e.backward_of, e.activation_output, c});
}

namespace {

template <class T>
bool is_prepacked(const Gemm<T>& g) {
  return g.packed_b != nullptr && g.packed_b->packed() != nullptr;
}

/// How a product is computed.
enum class Algorithm {
  gemv,              ///< a vector by a matrix whose rows are contiguous
  small_m,           ///< dot products
  tiles,             ///< by tiles, as it stands
  tiles_transposed,  ///< by tiles, as Cᵀ = Bᵀ Aᵀ
  through_copy,      ///< neither direction of C (or of the activation output) is contiguous
};
constexpr Orientation orientation_of(Algorithm algorithm) {
  return algorithm == Algorithm::tiles_transposed ? Orientation::transposed : Orientation::straight;
}

template <class T>
Algorithm choose_algorithm(const KernelTable<T>& table, const FusedGemm<T>& call) {
  const Gemm<T>& g = call.gemm;
  if (g.alpha != 0 && g.a.cols > 0) {
    const bool column = g.c.cols == 1;
    if (column || g.c.rows == 1) {
      const ConstView<T> matrix = column ? g.a : transposed(g.b);
      const index x_stride = column ? g.b.row_stride : g.a.col_stride;
      if (matrix.col_stride == 1 && (x_stride == 1 || matrix.cols == 1)) return Algorithm::gemv;
    }
    // Dot products waste no lanes on what is missing in a single panel.
    if (is_prepacked(g) && fits(call, Orientation::straight) && g.c.cols >= table.nr)
      return Algorithm::tiles;
    if (prefers_small_m(table, g)) return Algorithm::small_m;
  }
  // Lanes go along the contiguous direction of C; a vector C is contiguous both ways, and then the
  // longer direction is the one with lanes to fill.
  const bool straight = fits(call, Orientation::straight);
  const bool transposed = fits(call, Orientation::transposed);
  if (!straight && !transposed) return Algorithm::through_copy;
  return !straight || (transposed && g.c.rows > g.c.cols) ? Algorithm::tiles_transposed
                                                          : Algorithm::tiles;
}

template <class T>
bool same(const ConstView<T>& a, const ConstView<T>& b) {
  return a.data == b.data && a.rows == b.rows && a.cols == b.cols && a.row_stride == b.row_stride &&
         a.col_stride == b.col_stride;
}

}  // namespace

template <class T>
void BlockedKernels<T>::fused_gemm(const FusedGemm<T>& call) const noexcept {
  const Gemm<T>& g = call.gemm;
  const Epilogue<T>& e = call.epilogue;
  if (g.c.empty()) return;

  // A tile applies tanh and sigmoid after everything else, so the derivative of an activation on
  // top of them is a second pass.
  if (transcendental(e.activation.kind) && !e.activation_output.empty()) {
    Epilogue<T> first = e;
    first.activation_output = {};
    BlockedKernels::fused_gemm({g, first});
    activate_backward({e.backward_of, e.activation_output, g.c});
    return;
  }

  const Algorithm algorithm = choose_algorithm(table_, call);
  switch (algorithm) {
    case Algorithm::gemv:
      gemv(g);
      return apply_epilogue(e, g.c);
    case Algorithm::small_m:
      gemm_small_m(g);
      return apply_epilogue(e, g.c);
    case Algorithm::tiles:
    case Algorithm::tiles_transposed: {
      GemmProblem<T> p = make_problem(call, orientation_of(algorithm));
      if (samples_ != nullptr && p.b.matrix.data == samples_->call().out.data) {
        p.b.source = SourceB::batch;
        p.b.batch = samples_;
        p.b.sample_axis =
            same<T>(p.b.matrix, samples_->call().out) ? SampleAxis::rows : SampleAxis::columns;
      } else if (algorithm == Algorithm::tiles && is_prepacked(g)) {
        p.b.source = SourceB::prepacked;
        p.b.panels = g.packed_b->packed();
      }
      return run_problem(table_, executor_, p);
    }
    case Algorithm::through_copy:
      return executor_.run(1, [&](int) { gemm_through_copy(table_, call); });
  }
}

template <class T>
index BlockedKernels<T>::packed_size(index k, index n) const noexcept {
  index size;
  const bool overflows = __builtin_mul_overflow(k, padded_columns(table_, n), &size);
  return overflows ? 0 : size;
}

template <class T>
void BlockedKernels<T>::pack_b(ConstView<T> b, T* packed) const noexcept {
  const index blocks = k_blocks_of(table_, b.rows), columns = padded_columns(table_, b.cols);
  parallel_for(executor_, b.cols, table_.nr, static_cast<double>(b.size()), [&](Range r) {
    for (index kb = 0; kb < blocks; ++kb) {
      const Range ks = k_block(b.rows, kb, blocks);
      table_.pack_b(ks.size(), r.size(), &b(ks.begin, r.begin), b.row_stride, b.col_stride,
                    packed + ks.begin * columns + r.begin * ks.size());
    }
  });
}

template <class T>
const GatherBytes<T>* BlockedKernels<T>::samples_to_pack(const Plan<T>& plan) const noexcept {
  if (plan.transient_outputs.empty()) return nullptr;
  const auto* samples = std::get_if<GatherBytes<T>>(&plan.calls[plan.transient_outputs.front()]);
  if (samples == nullptr || PackedBatch<T>::bytes(table_, *samples) == 0) return nullptr;

  const ConstView<T> x = samples->out;
  for (const KernelCall<T>& call : plan.calls) {
    const auto* product = std::get_if<FusedGemm<T>>(&call);
    if (product == nullptr) continue;
    const Gemm<T>& g = product->gemm;
    if (g.a.data != x.data && g.b.data != x.data) continue;
    const Algorithm algorithm = choose_algorithm(table_, *product);
    if (algorithm != Algorithm::tiles && algorithm != Algorithm::tiles_transposed) return nullptr;
    const ConstView<T> b = make_problem(*product, orientation_of(algorithm)).b.matrix;
    if (!same<T>(b, x) && !same<T>(b, transposed(x))) return nullptr;
  }
  return samples;
}

template void BlockedKernels<float>::gemm(const Gemm<float>&) const noexcept;
template void BlockedKernels<double>::gemm(const Gemm<double>&) const noexcept;
template void BlockedKernels<float>::gemv(const Gemm<float>&) const noexcept;
template void BlockedKernels<double>::gemv(const Gemm<double>&) const noexcept;
template void BlockedKernels<float>::gemm_small_m(const Gemm<float>&) const noexcept;
template void BlockedKernels<double>::gemm_small_m(const Gemm<double>&) const noexcept;
template void BlockedKernels<float>::apply_epilogue(const Epilogue<float>&,
                                                    View<float>) const noexcept;
template void BlockedKernels<double>::apply_epilogue(const Epilogue<double>&,
                                                     View<double>) const noexcept;
template void BlockedKernels<float>::fused_gemm(const FusedGemm<float>&) const noexcept;
template void BlockedKernels<double>::fused_gemm(const FusedGemm<double>&) const noexcept;
template index BlockedKernels<float>::packed_size(index, index) const noexcept;
template index BlockedKernels<double>::packed_size(index, index) const noexcept;
template void BlockedKernels<float>::pack_b(ConstView<float>, float*) const noexcept;
template void BlockedKernels<double>::pack_b(ConstView<double>, double*) const noexcept;
template const GatherBytes<float>* BlockedKernels<float>::samples_to_pack(
    const Plan<float>&) const noexcept;
template const GatherBytes<double>* BlockedKernels<double>::samples_to_pack(
    const Plan<double>&) const noexcept;

}  // namespace lamella::backends
