// GEMM on small integers: every partial sum is exact in any order, so the result is known to the
// last bit, for every shape and layout.
#include <lamella/backend.h>

#include "tests/catch.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/gemm_case.h"
#include "tests/kernels/judge.h"
#include "tests/oracle.h"

namespace lamella::test {
namespace {

template <class T>
void expect_exact(Judge& judge, Random& random, const GemmCase& g) {
  INFO(describe(g));
  const GemmOperands<T> operands(g, [&] { return uniform_int(random, -3, 3); });
  const auto want = oracle::gemm(operands.call(operands.c.view())).values;
  for (const Subject& subject : subjects()) {
    INFO(subject.label);
    const Operand<T> c = operands.output();
    subject.backend->run(operands.call(c.view()));
    judge(subject, describe(g), first_of({different_values(c.read(), want), c.stray_writes()}));
  }
}

TEMPLATE_TEST_CASE("gemm is exact on integers, all shapes", "[gemm]", float, double) {
  Judge judge;
  Random random(1);
  for (const GemmShape& shape : gemm_shapes(600'000))
    expect_exact<TestType>(judge, random, random_case(random, shape));
  CHECK(judge.cases() > 1000);
}

TEMPLATE_TEST_CASE("gemm is exact on integers, all transposes and strides", "[gemm]", float,
                   double) {
  Judge judge;
  Random random(2);
  // One tile and a bit, several tiles, more than one block of K, a row, a column, a dot product.
  const GemmShape shapes[] = {{7, 17, 19},  {33, 65, 129}, {15, 31, 1025},
                              {1, 65, 130}, {65, 1, 130},  {1, 1, 300}};
  for (const GemmShape& shape : shapes)
    for (Order a : kOrders)
      for (Order b : kOrders)
        for (Order c : kOrders)
          for (index_t padding : {0, 5}) {
            GemmCase g = random_case(random, shape);
            g.a = {a, padding, pick(random, {Placement::against_end, Placement::against_start}), 0};
            g.b = {b, padding, pick(random, {Placement::against_end, Placement::against_start}), 0};
            g.c = {c, padding, pick(random, {Placement::against_end, Placement::against_start}), 0};
            expect_exact<TestType>(judge, random, g);
          }
  CHECK(judge.cases() >= 6 * 27 * 2);
}

TEMPLATE_TEST_CASE("gemm is exact on integers, all alpha and beta", "[gemm]", float, double) {
  Judge judge;
  Random random(3);
  const GemmShape shapes[] = {{6, 16, 8},  {9, 35, 40}, {5, 33, 520},
                              {1, 40, 40}, {40, 1, 40}, {3, 5, 0}};
  for (const GemmShape& shape : shapes)
    for (double alpha : kFactors)
      for (double beta : kFactors)
        for (Order c : {Order::rows, Order::columns}) {
          GemmCase g = random_case(random, shape);
          g.alpha = alpha;
          g.beta = beta;
          g.c.order = c;
          expect_exact<TestType>(judge, random, g);
        }
  CHECK(judge.cases() >= 6 * 36 * 2);
}

TEMPLATE_TEST_CASE("gemm reads and writes at any alignment of elements", "[gemm]", float, double) {
  Judge judge;
  Random random(4);
  for (index_t offset = 0; offset < 16; ++offset)
    for (Order order : {Order::rows, Order::columns}) {
      GemmCase g = random_case(random, {13, 37, 21});
      for (Layout* layout : {&g.a, &g.b, &g.c})
        *layout = {order, offset % 3, Placement::against_start, offset};
      expect_exact<TestType>(judge, random, g);
    }
  CHECK(judge.cases() >= 32);
}

}  // namespace
}  // namespace lamella::test
