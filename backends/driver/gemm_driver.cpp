// The GEMM driver: which algorithm computes a product, in which orientation, and by how many tasks.
//
// Start reading at fused_gemm. What a task does is gemm_loop_nest.h's.
#include <algorithm>

#include <lamella/packed_matrix.h>

#include "backends/driver/blocked_kernels.h"
#include "backends/driver/gemm_algorithm.h"
#include "backends/driver/gemm_task.h"

namespace lamella::backends {
namespace {

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

template <class T>
template <class Product>
void BlockedKernels<T>::in_passes(const FusedGemm<T>& call, const Product& product) const noexcept {
  const Epilogue<T>& e = call.epilogue;
  if (!takes_two_passes(e)) return product(call);
  product(first_pass(call));
  activate_backward({e.backward_of, e.activation_output, call.gemm.c});
}

template <class T>
void BlockedKernels<T>::fused_gemm(const FusedGemm<T>& call) const noexcept {
  if (call.gemm.c.empty()) return;
  in_passes(call, [&](const FusedGemm<T>& pass) {
    const Gemm<T>& g = pass.gemm;
    const Algorithm algorithm = choose_algorithm(table_, pass);
    switch (algorithm) {
      case Algorithm::gemv:
        gemv(g);
        return apply_epilogue(pass.epilogue, g.c);
      case Algorithm::small_m:
        gemm_small_m(g);
        return apply_epilogue(pass.epilogue, g.c);
      case Algorithm::tiles:
      case Algorithm::tiles_transposed: {
        GemmProblem<T> p = make_problem(pass, orientation_of(algorithm));
        if (algorithm == Algorithm::tiles && is_prepacked(g)) {
          p.b.source = SourceB::prepacked;
          p.b.panels = g.packed_b->packed();
        }
        return run_problem(table_, executor_, p);
      }
      case Algorithm::through_copy:
        return executor_.run(1, [&](int) { gemm_through_copy(table_, pass); });
    }
  });
}

template <class T>
void BlockedKernels<T>::fused_gemm_of_batch(const FusedGemm<T>& call, PackedBatch<T>& batch,
                                            SampleAxis axis) const noexcept {
  if (call.gemm.c.empty()) return;
  in_passes(call, [&](const FusedGemm<T>& pass) {
    GemmProblem<T> p = make_problem(pass, orientation_of(choose_algorithm(table_, pass)));
    p.b.source = SourceB::batch;
    p.b.batch = &batch;
    p.b.sample_axis = axis;
    run_problem(table_, executor_, p);
  });
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

#define LAMELLA_INSTANTIATE(T)                                                                 \
  template void BlockedKernels<T>::gemm(const Gemm<T>&) const noexcept;                        \
  template void BlockedKernels<T>::gemv(const Gemm<T>&) const noexcept;                        \
  template void BlockedKernels<T>::gemm_small_m(const Gemm<T>&) const noexcept;                \
  template void BlockedKernels<T>::apply_epilogue(const Epilogue<T>&, View<T>) const noexcept; \
  template void BlockedKernels<T>::fused_gemm(const FusedGemm<T>&) const noexcept;             \
  template void BlockedKernels<T>::fused_gemm_of_batch(const FusedGemm<T>&, PackedBatch<T>&,   \
                                                       SampleAxis) const noexcept;             \
  template index BlockedKernels<T>::packed_size(index, index) const noexcept;                  \
  template void BlockedKernels<T>::pack_b(ConstView<T>, T*) const noexcept;
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)
#undef LAMELLA_INSTANTIATE

}  // namespace lamella::backends
