// scale_shift: a product and a sum an element, exact on integers and within two roundings
// elsewhere.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

// By the product, by the sum, and one for the oracle's own.
constexpr index_t kRoundings = 3;

struct Orders {
  Order x, y, scale, shift;
};
Orders random_orders(Random& random) {
  return {pick(random, kOrders), pick(random, kOrders), pick(random, kOrders),
          pick(random, kOrders)};
}

/// Runs a case on every backend, out of place and in place. `value()` gives the elements of x, then
/// of scale, then of shift. The results may be off by `roundings` of their terms.
template <class T, class Value>
void expect(CheckContext& context, Random& random, const Shape& shape, const Orders& orders,
            index_t roundings, Value value) {
  const Layout layout_x = random_layout(random, orders.x),
               layout_y = random_layout(random, orders.y),
               layout_scale = random_layout(random, orders.scale);
  Operand<T> x(shape.rows, shape.cols, layout_x, [&](index_t, index_t) { return value(); });
  auto scale = vector_operand<T>(shape.cols, layout_scale, [&](index_t) { return value(); });
  auto shift = vector_operand<T>(shape.cols, random_layout(random, orders.shift),
                                 [&](index_t) { return value(); });
  x.make_read_only();
  scale.make_read_only();
  shift.make_read_only();
  std::vector<long double> want, bound;
  for (index_t i = 0; i < shape.rows; ++i)
    for (index_t j = 0; j < shape.cols; ++j) {
      const long double product =
          static_cast<long double>(x.view()(i, j)) * static_cast<long double>(scale.vector()[j]);
      const long double added = shift.vector()[j];
      want.push_back(product + added);
      bound.push_back(gamma<T>(roundings) * (std::abs(product) + std::abs(added)));
    }
  const std::string what = describe(shape) + " X " + describe(layout_x) + " Y " +
                           describe(layout_y) + " scale " + describe(layout_scale);
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    const Operand<T> y(shape.rows, shape.cols, layout_y),
        same_layout(shape.rows, shape.cols, layout_x);
    Operand<T> in_place(shape.rows, shape.cols, layout_x);
    in_place.assign(x.read());
    ScaleShift<T> call{x.read(), scale.vector(), shift.vector(), y.view()};
    tested.backend->run(call);
    call.y = same_layout.view();
    tested.backend->run(call);
    call.x = in_place.read();
    call.y = in_place.view();
    tested.backend->run(call);
    context(tested, what,
            first_of({exceeds(y.read(), want, bound), y.stray_writes(),
                      exceeds(in_place.read(), want, bound), in_place.stray_writes(),
                      different_bits(in_place.read(), same_layout.read())}));
  }
}

template <class T>
void is_exact(CheckContext& context) {
  Random random(140);
  for (const Shape& shape : matrix_shapes(60'000))
    expect<T>(context, random, shape, random_orders(random), 0,
              [&] { return uniform_int(random, -99, 99); });
  context.expect_cases(901);
}

template <class T>
void stays_in_bound(CheckContext& context) {
  Random random(141);
  for (const Shape& shape : {Shape{37, 83}, {128, 256}, {1, 200}, {200, 1}, {260, 10}})
    for (Order x : kOrders)
      for (Order y : kOrders)
        for (Order scale : kOrders)
          for (Order shift : kOrders)
            expect<T>(context, random, shape, {x, y, scale, shift}, kRoundings,
                      [&] { return uniform(random, -2, 2); });
  context.expect_cases(5 * 81);
}

template <class T>
void one_pair_for_all(CheckContext& context) {
  Random random(142);
  for (const Shape& shape : {Shape{5, 9}, {64, 33}})
    for (Order order : kOrders) {
      const Operand<T> x(shape.rows, shape.cols, random_layout(random, order),
                         [&](index_t, index_t) { return uniform_int(random, -9, 9); });
      const T numbers[] = {3, -7};
      std::vector<T> want;
      for (const T value : elements(x.read())) want.push_back(3 * value - 7);
      const std::string what =
          describe(shape) + " order " + std::to_string(static_cast<int>(order));
      for (const BackendUnderTest& tested : context.backends()) {
        context.begin(tested, what);
        const Operand<T> y(shape.rows, shape.cols, random_layout(random, order));
        tested.backend->run(ScaleShift<T>{
            x.read(), {numbers, shape.cols, 0}, {numbers + 1, shape.cols, 0}, y.view()});
        context(tested, what, first_of({different_values(y.read(), want), y.stray_writes()}));
      }
    }
  context.expect_cases(6);
}

template <class T>
void specials(CheckContext& context) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  Random random(143);
  for (const Shape& shape : {Shape{21, 37}, {67, 9}})
    for (Order x : kOrders)
      for (Order y : kOrders)
        expect<T>(context, random, shape, {x, y, Order::rows, Order::rows}, 0, [&] {
          return pick(random, {0.0, 1.0, -2.0, 3.0, 1.0, 2.0, kInfinity, -kInfinity, kNan});
        });
  context.expect_cases(18);
}

template <class T>
void nothing(CheckContext& context) {
  for (const BackendUnderTest& tested : context.backends()) {
    const std::string what = "0x0, 0x10 and 10x0";
    context.begin(tested, what);
    const T numbers[] = {1};
    tested.backend->run(ScaleShift<T>{});
    tested.backend->run(ScaleShift<T>{
        {nullptr, 0, 10, 10, 1}, {numbers, 10, 0}, {numbers, 10, 0}, {nullptr, 0, 10, 10, 1}});
    tested.backend->run(ScaleShift<T>{{nullptr, 10, 0, 0, 1}, {}, {}, {nullptr, 10, 0, 0, 1}});
    context.survived(tested, what);
  }
}

}  // namespace

std::vector<Check> scale_shift_checks() {
  return {
      {"scale_shift", "exact on integers, all shapes, also in place", is_exact<float>,
       is_exact<double>},
      {"scale_shift", "within two roundings, all strides", stays_in_bound<float>,
       stays_in_bound<double>},
      {"scale_shift", "a stride of 0 repeats scale and shift", one_pair_for_all<float>,
       one_pair_for_all<double>},
      {"scale_shift", "NaN and infinity follow product and sum", specials<float>, specials<double>},
      {"scale_shift", "nothing to do is allowed, null or not", nothing<float>, nothing<double>}};
}

}  // namespace lamella::conformance
