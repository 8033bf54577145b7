// One matrix product to try: its shape, how its operands lie in memory, alpha and beta.
#ifndef LAMELLA_TOOLS_CONFORMANCE_GEMM_CASE_H_
#define LAMELLA_TOOLS_CONFORMANCE_GEMM_CASE_H_

#include <string>

#include <lamella/kernels.h>

#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {

/// All are multiples of 1/4, so that they keep integer products exact.
inline constexpr double kFactors[] = {0, 1, -1, 2, 0.5, -0.25};

struct GemmCase {
  GemmShape shape;
  Layout a, b, c;
  double alpha = 1, beta = 0;
};

inline GemmCase random_case(Random& random, const GemmShape& shape) {
  return {shape,
          random_layout(random),
          random_layout(random),
          random_layout(random),
          pick(random, kFactors),
          pick(random, kFactors)};
}

inline std::string describe(const GemmCase& g) {
  return describe(g.shape) + " A " + describe(g.a) + ", B " + describe(g.b) + ", C " +
         describe(g.c) + " alpha=" + std::to_string(g.alpha) + " beta=" + std::to_string(g.beta);
}

/// A, B and C's first value of a case. A and B fault when written.
template <class T>
struct GemmOperands {
  template <class F>
  GemmOperands(const GemmCase& g, F value)
      : a(g.shape.m, g.shape.k, g.a, [&](index_t, index_t) { return value(); }),
        b(g.shape.k, g.shape.n, g.b, [&](index_t, index_t) { return value(); }),
        c(g.shape.m, g.shape.n, g.c),
        layout(g.c),
        alpha(static_cast<T>(g.alpha)),
        beta(static_cast<T>(g.beta)) {
    a.make_read_only();
    b.make_read_only();
    // With beta = 0, C keeps the NaNs its memory came with: they must not matter.
    if (g.beta != 0) c.fill([&](index_t, index_t) { return value(); });
    c.make_read_only();
  }
  /// A new C for one backend, equal to `c`.
  Operand<T> output() const {
    return Operand<T>(c.view().rows, c.view().cols, layout,
                      [this](index_t i, index_t j) { return c.view()(i, j); });
  }
  Gemm<T> call(View<T> output) const { return {alpha, a.read(), b.read(), beta, output}; }

  Operand<T> a, b, c;
  Layout layout;
  T alpha, beta;
};

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_GEMM_CASE_H_
