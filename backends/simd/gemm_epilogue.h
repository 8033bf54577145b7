// What becomes of the finished sums of a tile of C: alpha and beta, bias, activation,
// activation_output.
#ifndef LAMELLA_BACKENDS_SIMD_GEMM_EPILOGUE_H_
#define LAMELLA_BACKENDS_SIMD_GEMM_EPILOGUE_H_

#include "backends/simd/elementwise.h"

namespace lamella::backends {
namespace {

/// Bias, relu and activation outputs are applied to the accumulators; tanh and sigmoid, whose code
/// is long, to the tile just stored (still in L1). Either way the operations and their bits are the
/// same.
///
/// With kReluOnly, code for other activations and activation outputs is left out.
template <bool kReluOnly, int kM, int kV, class T>
LAMELLA_INLINE void tile_epilogue(const TileEpilogue<T>& e, index row, index column,
                                  Vec<T> (&acc)[kM][kV]) {
  if (e.row_bias != nullptr)
    unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
      const Vec<T> bias = broadcast(e.row_bias[(row + i) * e.row_bias_stride]);
      unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA { acc[i][v] = acc[i][v] + bias; });
    });
  if (e.column_bias != nullptr)
    unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA {
      const Vec<T> bias = load(e.column_bias + column + v * kLanes<T>);
      unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA { acc[i][v] = acc[i][v] + bias; });
    });
  const Vec<T> slope = broadcast(e.slope), backward_slope = broadcast(e.backward_slope);
  const auto apply = [&](auto code) LAMELLA_INLINE_LAMBDA {
    unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
      unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA {
        acc[i][v] = activation<decltype(code)::value, T>(slope, acc[i][v]);
      });
    });
  };
  if (e.activation == kRelu) apply(Index<kRelu>{});
  if (!kReluOnly && e.activation == kLeakyRelu) apply(Index<kLeakyRelu>{});
  if (e.activation_output == nullptr) return;
  const auto apply_backward = [&](auto code) LAMELLA_INLINE_LAMBDA {
    unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
      unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA {
        const Vec<T> activation_output =
            load(e.activation_output + (row + i) * e.activation_output_row_stride + column +
                 v * kLanes<T>);
        acc[i][v] = times_derivative<decltype(code)::value, T>(backward_slope, activation_output,
                                                               acc[i][v]);
      });
    });
  };
  if constexpr (kReluOnly)
    apply_backward(Index<kRelu>{});
  else
    with_activation(e.backward_of, apply_backward);
}

/// The value, from where the compiler cannot know it: what depends on it is computed from here on,
/// not before the loop that stands before, across which it would have to be spilled. 5 % of the
/// time of a tile of 32 steps (Zen 3).
template <class V>
LAMELLA_INLINE V from_here(V value) {
  asm volatile("" : "+r"(value));
  return value;
}

/// What becomes of a finished sum; multiplying by 1 changes nothing but time.
enum class Ending {
  store,       ///< alpha = 1, beta = 0
  scale,       ///< beta = 0: C is not even read, it may hold NaN
  accumulate,  ///< beta = 1
  combine,     ///< any alpha and beta
};

template <class T>
LAMELLA_INLINE Ending ending_of(T alpha, T beta) {
  if (beta == 1) return Ending::accumulate;
  if (beta != 0) return Ending::combine;
  return alpha != 1 ? Ending::scale : Ending::store;
}
constexpr bool reads_c(Ending ending) {
  return ending == Ending::accumulate || ending == Ending::combine;
}

/// body(sum, its place in C) for each vector of a tile.
template <int kM, int kV, class T, class C, class Body>
LAMELLA_INLINE void each_vector(C* c, index ldc, Vec<T> (&acc)[kM][kV], const Body& body) {
  unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
    unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA { body(acc[i][v], c + v * kLanes<T>); });
    // One pointer from row to row: multiples of the stride would be spilled.
    if constexpr (i + 1 < kM) c = from_here(c + ldc);
  });
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

/// alpha and beta.
template <int kM, int kV, class T>
LAMELLA_INLINE void apply_ending(const GemmBlock<T>& g, Ending ending, T* c,
                                 Vec<T> (&acc)[kM][kV]) {
  const Vec<T> alpha = broadcast(g.alpha);
  const auto each = [&](auto&& body)
                        LAMELLA_INLINE_LAMBDA { each_vector(c, g.c_row_stride, acc, body); };
  if (ending == Ending::accumulate) {
    accumulate_tile(g.alpha, c, g.c_row_stride, acc);
  } else if (ending == Ending::combine) {
    const Vec<T> beta = broadcast(g.beta);
    each([&](Vec<T>& sum, const T* old)
             LAMELLA_INLINE_LAMBDA { sum = fma<T>(alpha, sum, beta * load(old)); });
  } else if (ending == Ending::scale) {
    each([&](Vec<T>& sum, const T*) LAMELLA_INLINE_LAMBDA { sum = alpha * sum; });
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_GEMM_EPILOGUE_H_
