// batch_norm: within the rounding errors of two passes, mean first; features do not see each other.
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

constexpr double kEpsilon = 1e-3, kMomentum = 0.3;
// Of the arithmetic apart from sums, and of an activation in units in the last place.
constexpr index_t kRoundings = 8, kActivationUlps = 8;

enum class Running { none, moved };

struct Case {
  Shape shape;
  Order x, y, vectors;
  ActivationKind activation;
  Running running;
};

long double activate(ActivationKind kind, long double z) {
  if (kind == ActivationKind::relu) return z > 0 ? z : 0;
  return kind == ActivationKind::tanh ? std::tanh(z) : z;
}

template <class T>
struct Results {
  BoundedValues y, mean, inverse, running_mean, running_variance;

  Results(const Case& c, ConstView<T> x, ConstVectorView<T> scale, ConstVectorView<T> shift,
          ConstVectorView<T> running) {
    const auto m = static_cast<long double>(x.rows);
    y = BoundedValues(x.size());
    for (index_t j = 0; j < x.cols; ++j) {
      long double sum = 0, size = 0;
      for (index_t i = 0; i < x.rows; ++i) {
        sum += x(i, j);
        size += std::abs(static_cast<long double>(x(i, j)));
      }
      const long double average = sum / m, mean_error = gamma<T>(x.rows + 2) * size / m;
      long double squares = 0, squares_error = 0;
      for (index_t i = 0; i < x.rows; ++i) {
        const long double centred = std::abs(x(i, j) - average);
        const long double error = mean_error + gamma<T>(1) * centred;
        squares += centred * centred;
        squares_error += error * (2 * centred + error);
      }
      squares_error += gamma<T>(x.rows + 2) * squares;
      const long double variance = squares / m + static_cast<T>(kEpsilon);
      const long double factor = 1 / std::sqrt(variance);
      const long double relative = squares_error / m / variance + gamma<T>(kRoundings);
      mean.add(average, 2 * mean_error);
      inverse.add(factor, 2 * factor * relative);
      const long double share = static_cast<T>(kMomentum), before = running[j];
      const auto follow = [&](BoundedValues& expected, long double value, long double error) {
        expected.add((1 - share) * before + share * value,
                     2 * error + gamma<T>(kRoundings) * (std::abs(before) + std::abs(value)));
      };
      follow(running_mean, average, mean_error);
      follow(running_variance, squares / (m - 1), squares_error / (m - 1));
      for (index_t i = 0; i < x.rows; ++i) {
        const long double centred = x(i, j) - average, slope = factor * scale[j];
        const long double z = centred * slope + shift[j];
        const long double error =
            std::abs(slope) * (mean_error + std::abs(centred) * relative) +
            gamma<T>(kRoundings) *
                (std::abs(centred * slope) + std::abs(static_cast<long double>(shift[j])));
        const auto at = static_cast<std::size_t>(i * x.cols + j);
        y.values[at] = activate(c.activation, z);
        y.bounds[at] = 2 * error;
        if (c.activation == ActivationKind::tanh)
          y.bounds[at] += kActivationUlps * ulp<T>(y.values[at]);
      }
    }
  }
};

template <class T, class Value>
void expect(CheckContext& context, Random& random, const Case& c, Value value) {
  const index_t features = c.shape.cols;
  const auto vector = [&](double low, double high) {
    auto made = vector_operand<T>(features, random_layout(random, c.vectors),
                                  [&](index_t) { return uniform(random, low, high); });
    made.make_read_only();
    return made;
  };
  Operand<T> x(c.shape.rows, features, random_layout(random, c.x), value);
  x.make_read_only();
  const auto scale = vector(-2, 2), shift = vector(-1, 1), before = vector(0, 1);
  const Results<T> want(c, x.read(), scale.vector(), shift.vector(), before.vector());
  const Layout layout_y = random_layout(random, c.y), layout = random_layout(random, c.vectors);
  const std::string what = describe(c.shape) + " order of X " +
                           std::to_string(static_cast<int>(c.x)) + " Y " + describe(layout_y) +
                           " vectors " + describe(layout) + " " + activation_name(c.activation);
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    const Operand<T> y(c.shape.rows, features, layout_y), mean(1, features, layout),
        inverse(1, features, layout);
    Operand<T> running_mean(1, features, layout), running_variance(1, features, layout);
    running_mean.assign(before.read());
    running_variance.assign(before.read());
    BatchNorm<T> call;
    call.epsilon = static_cast<T>(kEpsilon);
    call.momentum = static_cast<T>(kMomentum);
    call.activation = {c.activation, 0.01};
    call.x = x.read();
    call.scale = scale.vector();
    call.shift = shift.vector();
    call.mean = mean.vector();
    call.inverse_deviation = inverse.vector();
    if (c.running == Running::moved) {
      call.running_mean = running_mean.vector();
      call.running_variance = running_variance.vector();
    }
    call.y = y.view();
    tested.backend->run(call);
    const bool moved = c.running == Running::moved;
    context(tested, what,
            first_of({exceeds(y.read(), want.y), y.stray_writes(), exceeds(mean.read(), want.mean),
                      mean.stray_writes(), exceeds(inverse.read(), want.inverse),
                      inverse.stray_writes(), running_mean.stray_writes(),
                      running_variance.stray_writes(),
                      moved ? exceeds(running_mean.read(), want.running_mean)
                            : different_bits(running_mean.read(), before.read()),
                      moved ? exceeds(running_variance.read(), want.running_variance)
                            : different_bits(running_variance.read(), before.read())}));
  }
}

constexpr ActivationKind kKinds[] = {ActivationKind::identity, ActivationKind::relu,
                                     ActivationKind::tanh};

template <class T>
void all_shapes(CheckContext& context) {
  Random random(160);
  for (const Shape& shape : matrix_shapes(20'000)) {
    if (shape.rows < 2) continue;
    const double offset = uniform(random, -100, 100);
    expect<T>(context, random,
              {shape, pick(random, kOrders), pick(random, kOrders), pick(random, kOrders),
               pick(random, kKinds), pick(random, {Running::none, Running::moved})},
              [&](index_t, index_t) { return offset + uniform(random, -2, 2); });
  }
  context.expect_cases(800);
}

template <class T>
void all_strides(CheckContext& context) {
  Random random(161);
  for (const Shape& shape : {Shape{128, 40}, {2, 33}, {77, 1}, {600, 17}})
    for (Order x : kOrders)
      for (Order y : kOrders)
        for (Order vectors : {Order::rows, Order::general})
          for (ActivationKind kind : kKinds)
            expect<T>(context, random, {shape, x, y, vectors, kind, Running::moved},
                      [&](index_t, index_t j) {
                        return static_cast<double>(j) + uniform(random, -2, 2);
                      });
  context.expect_cases(4 * 54);
}

/// A feature that does not vary has its shift everywhere; NaN stays in its feature.
template <class T>
void constants(CheckContext& context) {
  Random random(162);
  for (const Shape& shape : {Shape{2, 5}, {40, 19}, {131, 35}})
    for (Order order : kOrders) {
      const Operand<T> x(shape.rows, shape.cols, random_layout(random, order),
                         [&](index_t i, index_t j) {
                           if (j == 1 && i == shape.rows - 1)
                             return std::numeric_limits<double>::quiet_NaN();
                           return static_cast<double>(j - 3);
                         });
      const auto shift = vector_operand<T>(shape.cols, {},
                                           [](index_t j) { return 0.25 * static_cast<double>(j); });
      std::vector<T> want;
      for (index_t i = 0; i < shape.rows; ++i)
        for (index_t j = 0; j < shape.cols; ++j)
          want.push_back(j == 1 ? std::numeric_limits<T>::quiet_NaN() : shift.vector()[j]);
      const std::string what =
          describe(shape) + " order " + std::to_string(static_cast<int>(order));
      for (const BackendUnderTest& tested : context.backends()) {
        context.begin(tested, what);
        const Operand<T> y(shape.rows, shape.cols, random_layout(random, order)),
            mean(1, shape.cols, {}), inverse(1, shape.cols, {});
        BatchNorm<T> call;
        call.x = x.read();
        call.scale = shift.vector();
        call.shift = shift.vector();
        call.mean = mean.vector();
        call.inverse_deviation = inverse.vector();
        call.y = y.view();
        tested.backend->run(call);
        context(tested, what, first_of({different_values(y.read(), want), y.stray_writes()}));
      }
    }
  context.expect_cases(9);
}

template <class T>
void nothing(CheckContext& context) {
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, "no features");
    tested.backend->run(BatchNorm<T>{});
    BatchNorm<T> call;
    call.x = {nullptr, 3, 0, 0, 1};
    call.y = {nullptr, 3, 0, 0, 1};
    tested.backend->run(call);
    context.survived(tested, "no features");
  }
}

}  // namespace

std::vector<Check> batch_norm_checks() {
  return {{"batch_norm", "within the rounding bound, all shapes, far from 0", all_shapes<float>,
           all_shapes<double>},
          {"batch_norm", "within the rounding bound, all strides", all_strides<float>,
           all_strides<double>},
          {"batch_norm", "constant features become their shift, NaN stays in its feature",
           constants<float>, constants<double>},
          {"batch_norm", "nothing to do is allowed", nothing<float>, nothing<double>}};
}

}  // namespace lamella::conformance
