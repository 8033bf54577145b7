// adam_update: exact where every number is a small dyadic one, within a few roundings elsewhere.
#include <array>
#include <cmath>
#include <limits>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/oracle.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

// The longest chain behind a weight: decay w, + g; g g, one_minus_beta2 times, + beta2 v; square
// root,
// + epsilon, divided by, times step_size, - : ten. Twelve leaves room for the factors.
constexpr index_t kRoundings = 12;

struct Factors {
  double beta1, one_minus_beta1, beta2, one_minus_beta2, weight_decay, weight_scale, step_size,
      epsilon;
};

constexpr Factors kAdam{0.9, 0.1, 0.999, 0.001, 0, 1, 3e-4, 3e-10};
constexpr Factors kPenalty{0.9, 0.1, 0.99, 0.01, 1e-2, 1, 1e-2, 1e-8};
constexpr Factors kAdamW{0.5, 0.5, 0.9, 0.1, 0, 0.75, 0.1, 1e-3};
constexpr Factors kRaw{0, 1, 0, 1, 0, 1, 0.125, 1};

std::string describe(const Factors& f) {
  return "beta1=" + std::to_string(f.beta1) + " beta2=" + std::to_string(f.beta2) +
         " decay=" + std::to_string(f.weight_decay) +
         " weight_scale=" + std::to_string(f.weight_scale);
}

template <class T>
struct Problem {
  template <class Value>
  Problem(Random& random, const Shape& shape, const Factors& f, const std::array<Order, 4>& orders,
          Value value)
      : factors(f),
        layouts{random_layout(random, orders[1]), random_layout(random, orders[2]),
                random_layout(random, orders[3])},
        gradient(shape.rows, shape.cols, random_layout(random, orders[0]),
                 [&](index_t, index_t) { return value(); }),
        first(shape.rows, shape.cols, {}, [&](index_t, index_t) { return value(); }),
        second(shape.rows, shape.cols, {}, [&](index_t, index_t) { return std::abs(value()); }),
        weights(shape.rows, shape.cols, {}, [&](index_t, index_t) { return value(); }),
        what(conformance::describe(shape) + " " + describe(f) + " first " +
             conformance::describe(layouts[0]) + " second " + conformance::describe(layouts[1]) +
             " weights " + conformance::describe(layouts[2])) {
    gradient.make_read_only();
  }

  AdamUpdate<T> call(View<T> m, View<T> v, View<T> w) const {
    AdamUpdate<T> update;
    update.beta1 = static_cast<T>(factors.beta1);
    update.one_minus_beta1 = static_cast<T>(factors.one_minus_beta1);
    update.beta2 = static_cast<T>(factors.beta2);
    update.one_minus_beta2 = static_cast<T>(factors.one_minus_beta2);
    update.weight_decay = static_cast<T>(factors.weight_decay);
    update.weight_scale = static_cast<T>(factors.weight_scale);
    update.step_size = static_cast<T>(factors.step_size);
    update.epsilon = static_cast<T>(factors.epsilon);
    update.gradient = gradient.read();
    update.first = m;
    update.second = v;
    update.weights = w;
    return update;
  }

  void expect(CheckContext& context, bool exact) const {
    const AdamUpdate<T> reference = call(first.view(), second.view(), weights.view());
    const oracle::AdamResult want = oracle::adam_update(reference);
    const index_t rows = weights.view().rows, cols = weights.view().cols;
    // |terms| of each result, times gamma. A sum may cancel, so m's error is that of its terms,
    // and what passes from v to its root is at most v's relative error: v has no signs.
    const long double scale = exact ? 0 : gamma<T>(kRoundings);
    std::vector<long double> first_bound, second_bound, weights_bound;
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < cols; ++j) {
        const long double w = std::abs(weights.view()(i, j));
        const long double g =
            std::abs(gradient.view()(i, j)) + std::abs(reference.weight_decay) * w;
        const long double m =
            reference.beta1 * std::abs(first.view()(i, j)) + reference.one_minus_beta1 * g;
        const long double v =
            reference.beta2 * second.view()(i, j) + reference.one_minus_beta2 * g * g;
        const long double root = std::sqrt(want.second[first_bound.size()]);
        // With a penalty, g may cancel and v be far below its terms: then the root's error is that
        // of a number of the size of v's error.
        const long double root_error =
            reference.weight_decay == 0 || root == 0 ? root * scale : v * scale / root;
        const long double denominator = root + reference.epsilon;
        first_bound.push_back(scale * m);
        second_bound.push_back(scale * v);
        weights_bound.push_back(
            scale * (reference.weight_scale * w + reference.step_size * m / denominator) +
            reference.step_size * m / denominator * root_error / denominator);
      }
    for (const BackendUnderTest& tested : context.backends()) {
      context.begin(tested, what);
      Operand<T> m(rows, cols, layouts[0]), v(rows, cols, layouts[1]), w(rows, cols, layouts[2]);
      m.assign(first.read());
      v.assign(second.read());
      w.assign(weights.read());
      tested.backend->run(call(m.view(), v.view(), w.view()));
      context(tested, what,
              first_of({exceeds(m.read(), want.first, first_bound),
                        exceeds(v.read(), want.second, second_bound),
                        exceeds(w.read(), want.weights, weights_bound), m.stray_writes(),
                        v.stray_writes(), w.stray_writes()}));
    }
  }

  Factors factors;
  std::array<Layout, 3> layouts;
  Operand<T> gradient, first, second, weights;
  std::string what;
};

template <class T>
void is_exact(CheckContext& context) {
  // beta2 = 0 and one_minus_beta2 = 1 make the root |g|: with g = ±1 or ±3 and epsilon 1 the
  // quotient is one of small numbers by 2 or 4, and everything is exact.
  constexpr Factors kDyadic{0.5, 0.25, 0, 1, 0, 0.75, 0.125, 1};
  Random random(60);
  for (const Shape& shape : matrix_shapes(50'000)) {
    const std::array<Order, 4> orders = {pick(random, kOrders), pick(random, kOrders),
                                         pick(random, kOrders), pick(random, kOrders)};
    Problem<T>(random, shape, kDyadic, orders, [&] {
      return pick(random, {-3.0, -1.0, 1.0, 3.0});
    }).expect(context, true);
  }
  context.expect_cases(901);
}

template <class T>
void stays_in_bound(CheckContext& context) {
  Random random(61);
  for (const Factors& factors : {kAdam, kPenalty, kAdamW, kRaw})
    for (Order gradient : kOrders)
      for (Order moments : kOrders)
        for (Order weights : kOrders)
          Problem<T>(random, {37, 83}, factors, {gradient, moments, moments, weights}, [&] {
            return uniform(random, -1, 1);
          }).expect(context, false);
  Problem<T>(random, {512, 784}, kAdam, {Order::rows, Order::rows, Order::rows, Order::rows}, [&] {
    return uniform(random, -1, 1);
  }).expect(context, false);
  context.expect_cases(109);
}

template <class T>
void idle_weights_stay(CheckContext& context) {
  // Pixels that are always 0 give this: 0 / (sqrt(0) + epsilon) must be 0, not NaN.
  Random random(62);
  Problem<T>(random, {9, 21}, kAdam, {Order::rows, Order::rows, Order::rows, Order::rows}, [] {
    return 0.0;
  }).expect(context, true);
  context.expect_cases(1);
}

template <class T>
void keeps_specials_in_their_element(CheckContext& context) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  constexpr Factors kDyadic{0.5, 0.25, 0, 1, 0, 0.75, 0.125, 1};
  constexpr index_t kSize = 7 * 13;
  Random random(63);
  for (Order order : kOrders) {
    index_t turn = 0;  // the gradient is filled first, then first, second and weights
    Problem<T>(random, {7, 13}, kDyadic, {order, order, order, order}, [&]() -> T {
      const index_t at = turn++;
      if (at == 5 || at == kSize + 40 || at == 2 * kSize + 50 || at == 3 * kSize + 60) return kNan;
      if (at == 20 || at == kSize + 25 || at == 3 * kSize + 50) return kInfinity;
      return 1;
    }).expect(context, true);
  }
  context.expect_cases(3);
}

}  // namespace

std::vector<Check> adam_update_checks() {
  return {{"adam_update", "exact on dyadic numbers, all shapes", is_exact<float>, is_exact<double>},
          {"adam_update", "within its roundings, all factors and strides", stays_in_bound<float>,
           stays_in_bound<double>},
          {"adam_update", "a weight without gradient and moments stays", idle_weights_stay<float>,
           idle_weights_stay<double>},
          {"adam_update", "NaN and infinity stay in their element",
           keeps_specials_in_their_element<float>, keeps_specials_in_their_element<double>}};
}

}  // namespace lamella::conformance
