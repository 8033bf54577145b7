// What happens to the finished sums of a tile of C: alpha and beta, then the steps of the epilogue.
#ifndef LAMELLA_BACKENDS_SIMD_GEMM_EPILOGUE_H_
#define LAMELLA_BACKENDS_SIMD_GEMM_EPILOGUE_H_

#include "backends/simd/elementwise.h"

namespace lamella::backends {
namespace {

/// Which activations and derivatives a tile has code for.
enum class EpilogueCode {
  all,
  relu_only,  ///< others are left out: less code in a kernel that is instantiated many times
};

/// Optimisation barrier. Hides `value` from the compiler, so that addresses derived from it are
/// computed after the k loop and not kept (spilled) across it.
template <class V>
LAMELLA_INLINE V hidden(V value) {
  asm volatile("" : "+r"(value));
  return value;
}

/// body(value, its place in C) for each vector of a tile; C is any matrix, at the place of the
/// tile.
template <int kM, int kV, class T, class C, class Body>
LAMELLA_INLINE void each_vector(C* c, index ldc, Vec<T> (&acc)[kM][kV], const Body& body) {
  unroll<kM>([&](int i) LAMELLA_INLINE_LAMBDA {
    unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA { body(acc[i][v], c + v * kLanes<T>); });
    // One pointer from row to row: multiples of the stride would be spilled.
    if (i + 1 < kM) c = hidden(c + ldc);
  });
}

/// Bias, relu and derivatives are applied to the accumulators. Activations whose code is long, such
/// as tanh, are applied to the tile that has just been stored (still in L1). Either way the
/// operations and their bits are the same.
template <EpilogueCode kCode, int kM, int kV, class T>
LAMELLA_INLINE void tile_epilogue(const TileEpilogue<T>& e, index row, index column,
                                  Vec<T> (&acc)[kM][kV]) {
  if ((e.steps & kAddRowBias) != 0)
    unroll<kM>([&](int i) LAMELLA_INLINE_LAMBDA {
      const Vec<T> bias = broadcast(e.row_bias[(row + i) * e.row_bias_stride]);
      unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA { acc[i][v] = acc[i][v] + bias; });
    });
  if ((e.steps & kAddColumnBias) != 0)
    unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA {
      const Vec<T> bias = load(e.column_bias + column + v * kLanes<T>);
      unroll<kM>([&](int i) LAMELLA_INLINE_LAMBDA { acc[i][v] = acc[i][v] + bias; });
    });
  const Vec<T> slope = broadcast(e.slope), backward_slope = broadcast(e.backward_slope);
  const auto apply = [&](auto code) LAMELLA_INLINE_LAMBDA {
    unroll<kM>([&](int i) LAMELLA_INLINE_LAMBDA {
      unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA {
        acc[i][v] = activation<decltype(code)::value, T>(slope, acc[i][v]);
      });
    });
  };
  if ((e.steps & kApplyActivation) != 0) {
    if (kCode == EpilogueCode::relu_only || e.activation == kRelu)
      apply(Index<kRelu>{});
    else if (e.activation == kLeakyRelu)
      apply(Index<kLeakyRelu>{});
  }
  if ((e.steps & kMultiplyDerivative) == 0) return;
  const T* const outputs = e.activation_output + row * e.activation_output_row_stride + column;
  const auto multiply = [&](auto code) LAMELLA_INLINE_LAMBDA {
    each_vector(outputs, e.activation_output_row_stride, acc,
                [&](Vec<T>& value, const T* output) LAMELLA_INLINE_LAMBDA {
                  value = times_derivative<decltype(code)::value, T>(backward_slope, load(output),
                                                                     value);
                });
  };
  if constexpr (kCode == EpilogueCode::relu_only)
    multiply(Index<kRelu>{});
  else
    with_cheap_derivative(e.backward_of, multiply);
}

/// Whether the tile has to be read again for its activation, once it is stored.
template <class T>
LAMELLA_INLINE bool activates_stored_tile(const TileEpilogue<T>& e) {
  return (e.steps & kApplyActivation) != 0 && !is_cheap(e.activation);
}

/// How a finished sum gets into C. Multiplying by 1 changes nothing but time.
enum class StoreMode {
  store,       ///< alpha = 1, beta = 0
  scale,       ///< beta = 0: C is not even read, it may hold NaN
  accumulate,  ///< beta = 1
  combine,     ///< any alpha and beta
};

template <class T>
LAMELLA_INLINE StoreMode store_mode_of(T alpha, T beta) {
  if (beta == 1) return StoreMode::accumulate;
  if (beta != 0) return StoreMode::combine;
  return alpha != 1 ? StoreMode::scale : StoreMode::store;
}
constexpr bool reads_c(StoreMode mode) {
  return mode == StoreMode::accumulate || mode == StoreMode::combine;
}

/// sums ← alpha sums + C
template <int kM, int kV, class T>
LAMELLA_INLINE void accumulate_tile(T alpha, const T* c, index ldc, Vec<T> (&acc)[kM][kV]) {
  const Vec<T> factor = broadcast(alpha);
  each_vector(c, ldc, acc, [&](Vec<T>& sum, const T* old) LAMELLA_INLINE_LAMBDA {
    sum = fma<T>(factor, sum, load(old));
  });
}

template <int kM, int kV, class T>
LAMELLA_INLINE void store_tile(T* c, index ldc, Vec<T> (&acc)[kM][kV]) {
  each_vector(c, ldc, acc, [](Vec<T>& sum, T* to) LAMELLA_INLINE_LAMBDA { store(to, sum); });
}

/// sums ← alpha sums + beta C
template <int kM, int kV, class T>
LAMELLA_INLINE void apply_alpha_beta(const GemmBlock<T>& g, StoreMode mode, T* c,
                                     Vec<T> (&acc)[kM][kV]) {
  const Vec<T> alpha = broadcast(g.alpha);
  const auto each = [&](auto&& body)
                        LAMELLA_INLINE_LAMBDA { each_vector(c, g.c_row_stride, acc, body); };
  if (mode == StoreMode::accumulate) {
    accumulate_tile(g.alpha, c, g.c_row_stride, acc);
  } else if (mode == StoreMode::combine) {
    const Vec<T> beta = broadcast(g.beta);
    each([&](Vec<T>& sum, const T* old)
             LAMELLA_INLINE_LAMBDA { sum = fma<T>(alpha, sum, beta * load(old)); });
  } else if (mode == StoreMode::scale) {
    each([&](Vec<T>& sum, const T*) LAMELLA_INLINE_LAMBDA { sum = alpha * sum; });
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_GEMM_EPILOGUE_H_
