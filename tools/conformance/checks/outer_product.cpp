// outer_product: exact on integers, within two roundings on real numbers.
#include <limits>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/oracle.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

// alpha x_i, times y_j, plus a_ij; a fused multiply-add has one fewer.
constexpr index_t kRoundings = 3;

template <class T>
struct Problem {
  template <class F>
  Problem(Random& random, const Shape& shape, Order order_a, Order order_x, Order order_y, F value)
      : layout(random_layout(random, order_a)),
        x(vector_operand<T>(shape.rows, random_layout(random, order_x),
                            [&](index_t) { return value(); })),
        y(vector_operand<T>(shape.cols, random_layout(random, order_y),
                            [&](index_t) { return value(); })),
        initial(shape.rows, shape.cols, {}, [&](index_t, index_t) { return value(); }) {
    x.make_read_only();
    y.make_read_only();
    what = describe(shape) + " A " + describe(layout);
  }
  OuterProduct<T> call(View<T> a) const { return {alpha, x.vector(), y.vector(), a}; }

  /// Applies every tested to a fresh A and compares it by `difference(view of A)`.
  template <class Difference>
  void check_all(CheckContext& context, Difference difference) const {
    for (const BackendUnderTest& tested : context.backends()) {
      context.begin(tested, what);
      Operand<T> a(initial.view().rows, initial.view().cols, layout);
      a.assign(initial.read());
      tested.backend->run(call(a.view()));
      context(tested, what, first_of({difference(a.read()), a.stray_writes()}));
    }
  }

  Layout layout;
  Operand<T> x, y, initial;
  T alpha = 1;
  std::string what;
};

template <class T>
void all_shapes(CheckContext& context) {
  Random random(30);
  for (const Shape& shape : matrix_shapes(200'000)) {
    Problem<T> problem(random, shape, pick(random, kOrders), pick(random, kOrders),
                       pick(random, kOrders), [&] { return uniform_int(random, -9, 9); });
    problem.alpha = static_cast<T>(pick(random, {1.0, -1.0, 2.0, 0.5, -0.25, 0.0}));
    const auto want = oracle::outer_product(problem.call(problem.initial.view()));
    problem.check_all(context, [&](auto a) { return different_values(a, want.values); });
  }
  context.expect_cases(901);
}

template <class T>
void all_strides(CheckContext& context) {
  Random random(31);
  for (const Shape& shape : {Shape{128, 256}, {10, 256}, {256, 10}, {33, 65}, {1, 100}, {100, 1}})
    for (Order order_a : kOrders)
      for (Order order_x : kOrders)
        for (Order order_y : kOrders) {
          Problem<T> problem(random, shape, order_a, order_x, order_y,
                             [&] { return uniform_int(random, -9, 9); });
          problem.alpha = static_cast<T>(-0.5);
          const auto want = oracle::outer_product(problem.call(problem.initial.view()));
          problem.check_all(context, [&](auto a) { return different_values(a, want.values); });
        }
  context.expect_cases(162);
}

template <class T>
void stays_in_bound(CheckContext& context) {
  using X = oracle::Wide<T>;
  Random random(32);
  for (const Shape& shape : {Shape{512, 784}, {10, 256}, {7, 100}, {100, 7}})
    for (Order order_a : kOrders)
      for (int repeat = 0; repeat < 3; ++repeat) {
        Problem<T> problem(random, shape, order_a, Order::rows, Order::rows,
                           [&] { return uniform(random, -1, 1); });
        problem.alpha = static_cast<T>(uniform(random, -0.1, 0.1));
        const auto want = oracle::outer_product(problem.call(problem.initial.view()));
        std::vector<X> bound;
        for (X magnitude : want.magnitudes)
          bound.push_back(static_cast<X>(gamma<T>(kRoundings)) * magnitude);
        problem.check_all(context, [&](auto a) { return exceeds(a, want.values, bound); });
      }
  context.expect_cases(36);
}

template <class T>
void special_values(CheckContext& context) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  Random random(33);
  for (Order order_a : kOrders)
    for (const Shape& shape : {Shape{5, 9}, {33, 70}, {70, 33}}) {
      const index_t i0 = shape.rows / 2, j0 = shape.cols - 1;
      int turn = 0;
      Problem<T> problem(random, shape, order_a, Order::rows, Order::rows, [&]() -> T {
        // x first, then y: see Problem's constructor.
        const int at = turn++;
        if (at == i0) return kInfinity;
        if (at == shape.rows + j0) return kNan;
        if (at == shape.rows) return 0;  // infinity times zero
        return 1;
      });
      std::vector<T> want;
      for (index_t i = 0; i < shape.rows; ++i)
        for (index_t j = 0; j < shape.cols; ++j)
          want.push_back(j == j0 || (i == i0 && j == 0) ? kNan
                         : i == i0                      ? kInfinity
                         : j == 0                       ? 1
                                                        : 2);
      problem.check_all(context, [&](auto a) { return different_values(a, want); });
    }
}

}  // namespace

std::vector<Check> outer_product_checks() {
  return {
      {"outer_product", "exact on integers, all shapes", all_shapes<float>, all_shapes<double>},
      {"outer_product", "exact on integers, all strides", all_strides<float>, all_strides<double>},
      {"outer_product", "within the rounding bound", stays_in_bound<float>, stays_in_bound<double>},
      {"outer_product", "NaN and infinity reach their own row and column", special_values<float>,
       special_values<double>}};
}

}  // namespace lamella::conformance
