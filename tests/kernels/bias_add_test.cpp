// bias_add: one rounded addition an element, so the result is known to the last bit.
#include <limits>

#include <lamella/backend.h>

#include "tests/catch.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/judge.h"
#include "tests/kernels/operand.h"
#include "tests/kernels/shapes.h"

namespace lamella::test {
namespace {

template <class T, class F>
void expect_sum(Judge& judge, Random& random, const Shape& shape, Order order_c, Order order_bias,
                F value) {
  const Layout layout = random_layout(random, order_c);
  const Layout bias_layout = random_layout(random, order_bias);
  Operand<T> initial(shape.rows, shape.cols, {}, [&](index_t, index_t) { return value(); });
  auto bias = vector_operand<T>(shape.cols, bias_layout, [&](index_t) { return value(); });
  bias.make_read_only();
  std::vector<T> want;
  for (index_t i = 0; i < shape.rows; ++i)
    for (index_t j = 0; j < shape.cols; ++j)
      want.push_back(initial.view()(i, j) + bias.vector()[j]);
  const std::string what =
      describe(shape) + " C " + describe(layout) + " bias " + describe(bias_layout);
  INFO(what);
  for (const Subject& subject : subjects()) {
    INFO(subject.label);
    Operand<T> c(shape.rows, shape.cols, layout);
    c.assign(initial.read());
    subject.backend->run(BiasAdd<T>{bias.vector(), c.view()});
    judge(subject, what, first_of({different_bits(c.read(), want), c.stray_writes()}));
  }
}

TEMPLATE_TEST_CASE("bias_add adds the bias to every row, all shapes", "[bias_add]", float, double) {
  Judge judge;
  Random random(20);
  for (const Shape& shape : matrix_shapes(200'000))
    expect_sum<TestType>(judge, random, shape, pick(random, kOrders), pick(random, kOrders),
                         [&] { return uniform(random, -10, 10); });
  CHECK(judge.cases() > 900);
}

TEMPLATE_TEST_CASE("bias_add adds the bias to every row, all strides", "[bias_add]", float,
                   double) {
  Judge judge;
  Random random(21);
  for (const Shape& shape : {Shape{128, 256}, {128, 10}, {10, 128}, {33, 65}, {1, 100}, {100, 1}})
    for (Order order_c : kOrders)
      for (Order order_bias : kOrders)
        for (int repeat = 0; repeat < 4; ++repeat)
          expect_sum<TestType>(judge, random, shape, order_c, order_bias,
                               [&] { return uniform(random, -10, 10); });
  CHECK(judge.cases() >= 216);
}

TEMPLATE_TEST_CASE("bias_add treats infinities and NaN as addition does", "[bias_add][ieee]", float,
                   double) {
  Judge judge;
  Random random(22);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (Order order_c : kOrders)
    for (int repeat = 0; repeat < 10; ++repeat)
      expect_sum<TestType>(judge, random, {21, 37}, order_c, Order::rows, [&] {
        return pick(random, {0.0, -0.0, 1.0, -1.0, kInfinity, -kInfinity, kNan});
      });
  CHECK(judge.cases() >= 30);
}

}  // namespace
}  // namespace lamella::test
