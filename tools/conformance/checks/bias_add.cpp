// bias_add: one rounded addition an element, so the result is known to the last bit.
#include <limits>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

template <class T, class F>
void expect_sum(CheckContext& context, Random& random, const Shape& shape, Order order_c,
                Order order_bias, F value) {
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
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    Operand<T> c(shape.rows, shape.cols, layout);
    c.assign(initial.read());
    tested.backend->run(BiasAdd<T>{bias.vector(), c.view()});
    context(tested, what, first_of({different_bits(c.read(), want), c.stray_writes()}));
  }
}

template <class T>
void adds_on_all_shapes(CheckContext& context) {
  Random random(20);
  for (const Shape& shape : matrix_shapes(200'000))
    expect_sum<T>(context, random, shape, pick(random, kOrders), pick(random, kOrders),
                  [&] { return uniform(random, -10, 10); });
  context.expect_cases(901);
}

template <class T>
void adds_on_all_strides(CheckContext& context) {
  Random random(21);
  for (const Shape& shape : {Shape{128, 256}, {128, 10}, {10, 128}, {33, 65}, {1, 100}, {100, 1}})
    for (Order order_c : kOrders)
      for (Order order_bias : kOrders)
        for (int repeat = 0; repeat < 4; ++repeat)
          expect_sum<T>(context, random, shape, order_c, order_bias,
                        [&] { return uniform(random, -10, 10); });
  context.expect_cases(216);
}

template <class T>
void adds_specials(CheckContext& context) {
  Random random(22);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (Order order_c : kOrders)
    for (int repeat = 0; repeat < 10; ++repeat)
      expect_sum<T>(context, random, {21, 37}, order_c, Order::rows, [&] {
        return pick(random, {0.0, -0.0, 1.0, -1.0, kInfinity, -kInfinity, kNan});
      });
  context.expect_cases(30);
}

}  // namespace

std::vector<Check> bias_add_checks() {
  return {{"bias_add", "adds the bias to every row, all shapes", adds_on_all_shapes<float>,
           adds_on_all_shapes<double>},
          {"bias_add", "adds the bias to every row, all strides", adds_on_all_strides<float>,
           adds_on_all_strides<double>},
          {"bias_add", "treats infinities and NaN as addition does", adds_specials<float>,
           adds_specials<double>}};
}

}  // namespace lamella::conformance
