// Which algorithm computes a product, and in which orientation; and the product in that orientation
// as a GemmProblem. Decided from shapes and strides alone.
#ifndef LAMELLA_BACKENDS_DRIVER_GEMM_ALGORITHM_H_
#define LAMELLA_BACKENDS_DRIVER_GEMM_ALGORITHM_H_

#include <algorithm>
#include <cstdint>

#include <lamella/kernels.h>
#include <lamella/packed_matrix.h>

#include "backends/driver/gemm_problem.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

/// A product as it stands, or as Cᵀ = Bᵀ Aᵀ.
enum class Orientation : std::uint8_t { straight, transposed };

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

/// Whether the epilogue takes a second pass over C. A tile applies tanh and the like after
/// everything else, so that the derivative of an activation on top of them comes later. Derivatives
/// whose code is long come later in any case.
template <class T>
bool takes_two_passes(const Epilogue<T>& e) {
  return !e.activation_output.empty() &&
         !(is_cheap(static_cast<int>(e.activation.kind)) &&
           has_cheap_derivative(static_cast<int>(e.backward_of.kind)));
}

/// What the product itself computes of the call: all of it, or all but the derivative. Algorithm
/// and orientation are chosen for this, since a later pass has no say in them.
template <class T>
FusedGemm<T> first_pass(FusedGemm<T> call) {
  if (takes_two_passes(call.epilogue)) call.epilogue.activation_output = {};
  return call;
}

/// Strides along dimensions of one element or none mean nothing and may be any number. Of those the
/// drivers and kernels compute addresses all the same, of rows that are not there.
template <class T>
[[gnu::noinline]] void limit_meaningless_strides(GemmProblem<T>& p) {
  constexpr index kMost = index{1} << 40;
  const auto limit = [](index extent, index& stride) {
    if (extent <= 1 && stride > kMost) stride = kMost;
  };
  limit(p.m, p.a.row_stride);
  limit(p.k, p.a.col_stride);
  limit(p.k, p.b.matrix.row_stride);
  limit(p.n, p.b.matrix.col_stride);
  limit(p.m, p.c.row_stride);
  limit(p.n, p.c.col_stride);
  limit(p.m, p.epilogue.row_bias_stride);
  limit(p.m, p.epilogue.activation_output_row_stride);
  if (p.k == 0) {  // A and B may have no memory, and strides that would leave any
    p.a = {nullptr, p.m, 0, 0, 0};
    p.b.matrix = {nullptr, 0, p.n, 0, 0};
  }
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
  if (p.m <= 1 || p.n <= 1 || p.k <= 1) limit_meaningless_strides(p);
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

/// Both operands contiguous along k, and one with few rows: a panel of the other would be packed
/// for only as many uses as the one has rows, while a dot product costs its sum across lanes, once.
template <class T>
bool prefers_small_m(const KernelTable<T>& table, const Gemm<T>& g) {
  const index rows = std::min(g.c.rows, g.c.cols);
  return table.gemm_small_m != nullptr && g.a.col_stride == 1 && g.b.row_stride == 1 &&
         rows <= table.small_m && table.small_m_depth * rows <= g.a.cols;
}

template <class T>
bool is_prepacked(const Gemm<T>& g) {
  return g.packed_b != nullptr && g.packed_b->packed() != nullptr;
}

/// How a product is computed.
enum class Algorithm : std::uint8_t {
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

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_GEMM_ALGORITHM_H_
