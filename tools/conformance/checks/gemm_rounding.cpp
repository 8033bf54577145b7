// GEMM on real numbers, against the componentwise bound that any order of summation satisfies:
// |error| <= gamma_{k+c} (|alpha| |A| |B| + |beta| |C|).
#include <cmath>

#include <lamella/backend.h>

#include "tools/conformance/checks/gemm.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/gemm_case.h"
#include "tools/conformance/oracle.h"

namespace lamella::conformance {
namespace {

// Roundings beside the k of the sum: by alpha, by beta, the last addition, and one for the oracle's
// own, which are far smaller.
constexpr index_t kOtherRoundings = 4;

template <class T, class F>
void expect_within_bound(CheckContext& context, const GemmCase& g, F value) {
  const GemmOperands<T> operands(g, value);
  const auto want = oracle::gemm(operands.call(operands.c.view()));
  using X = oracle::Wide<T>;
  std::vector<X> bound;
  for (X magnitude : want.magnitudes)
    bound.push_back(static_cast<X>(gamma<T>(g.shape.k + kOtherRoundings)) * magnitude);
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, describe(g));
    const Operand<T> c = operands.output();
    tested.backend->run(operands.call(c.view()));
    context(tested, describe(g),
            first_of({exceeds(c.read(), want.values, bound), c.stray_writes()}));
  }
}

GemmCase with_real_factors(Random& random, GemmCase g) {
  if (g.alpha != 0 && g.alpha != 1) g.alpha = uniform(random, -2, 2);
  if (g.beta != 0 && g.beta != 1) g.beta = uniform(random, -2, 2);
  return g;
}

template <class T>
void all_shapes(CheckContext& context) {
  Random random(5);
  for (const GemmShape& shape : gemm_shapes(100'000))
    expect_within_bound<T>(context, with_real_factors(random, random_case(random, shape)),
                           [&] { return uniform(random, -1, 1); });
  context.expect_cases(1001);
}

template <class T>
void badly_scaled(CheckContext& context) {
  Random random(6);
  // Magnitudes from 2^-20 to 2^20 in one sum: the bound of an element of small terms is small.
  const auto value = [&] {
    return std::ldexp(uniform(random, -1, 1), static_cast<int>(uniform_int(random, -20, 20)));
  };
  for (const GemmShape& shape : {GemmShape{17, 33, 9},
                                 {64, 10, 784},
                                 {31, 100, 513},
                                 {1, 77, 300},
                                 {77, 1, 300},
                                 {5, 5, 1},
                                 {13, 49, 2}})
    for (int repeat = 0; repeat < 8; ++repeat)
      expect_within_bound<T>(context, with_real_factors(random, random_case(random, shape)), value);
  context.expect_cases(56);
}

template <class T>
void network_sizes(CheckContext& context) {
  Random random(7);
  const auto value = [&] { return uniform(random, -1, 1); };
  // Batch 128 (and a last batch of 96) of 784-512-256-10: the last layers at full size.
  for (const GemmShape& shape :
       {GemmShape{128, 10, 256}, {10, 256, 128}, {128, 256, 10}, {96, 128, 256}, {256, 96, 128}})
    for (Order a : kOrders)
      for (Order b : kOrders) {
        GemmCase g = with_real_factors(random, random_case(random, shape));
        g.a.order = a;
        g.b.order = b;
        expect_within_bound<T>(context, g, value);
      }
  context.expect_cases(45);
}

}  // namespace

std::vector<Check> gemm_rounding_checks() {
  return {{"gemm", "within the rounding bound", all_shapes<float>, all_shapes<double>},
          {"gemm", "within the rounding bound on badly scaled operands", badly_scaled<float>,
           badly_scaled<double>},
          {"gemm", "within the rounding bound at the sizes of a network", network_sizes<float>,
           network_sizes<double>}};
}

}  // namespace lamella::conformance
