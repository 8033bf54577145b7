// activate_backward: d ⊙ f'(z) from a = f(z), within the roundings of the documented formulas.
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

constexpr Activation kAll[] = {{ActivationKind::identity, 0.01},
                               {ActivationKind::relu, 0.01},
                               {ActivationKind::leaky_relu, 0.2},
                               {ActivationKind::tanh, 0.01},
                               {ActivationKind::sigmoid, 0.01},
                               {ActivationKind::gelu},
                               {ActivationKind::silu},
                               {ActivationKind::selu},
                               {ActivationKind::elu},
                               {ActivationKind::mish},
                               {ActivationKind::softplus}};

/// The relative error of d f'(a), and for tanh, whose 1 - a² cancels, of the terms of f'.
template <class T>
long double bound(const Activation& activation, long double a, long double d) {
  switch (activation.kind) {
    case ActivationKind::leaky_relu:
      return gamma<T>(2) * std::abs(activation.slope * d);
    case ActivationKind::tanh:
      return gamma<T>(3) * std::abs(d) * (1 + a * a);
    case ActivationKind::sigmoid:
      return gamma<T>(3) * std::abs(d * a * (1 - a));
    case ActivationKind::gelu:
    case ActivationKind::silu:
    case ActivationKind::mish:  // a is z, of a few units: the exponentials magnify its roundings
      return gamma<T>(16) * std::abs(d) * (1 + std::abs(a));
    case ActivationKind::elu:
    case ActivationKind::selu:
      return gamma<T>(4) * std::abs(d) * (2 + std::abs(a));
    case ActivationKind::softplus:
      return gamma<T>(8) * std::abs(d);
    default:
      return 0;  // identity and relu: the factor is 1 or 0
  }
}

/// An activation's own range, its ends included where T reaches them. For leaky relu not 0, where
/// either derivative would do.
double activation_value(Random& random, const Activation& activation) {
  const bool end = random() % 8 == 0;
  switch (activation.kind) {
    case ActivationKind::identity:
      return uniform(random, -5, 5);
    case ActivationKind::relu:
      return end || random() % 2 == 0 ? 0.0 : uniform(random, 0, 5);
    case ActivationKind::leaky_relu:
      return random() % 2 == 0 ? uniform(random, -5, -0.001) : uniform(random, 0.001, 5);
    case ActivationKind::tanh:
      return end ? pick(random, {-1.0, 0.0, 1.0}) : uniform(random, -1, 1);
    case ActivationKind::sigmoid:
      return end ? pick(random, {0.0, 0.5, 1.0, 1e-30}) : uniform(random, 0, 1);
    case ActivationKind::gelu:
    case ActivationKind::silu:
    case ActivationKind::mish:
      return end ? pick(random, {0.0, 9.0, -9.0}) : uniform(random, -5, 5);
    case ActivationKind::selu:
      return end ? -1.75 : uniform(random, -1.75, 5);
    case ActivationKind::elu:
      return end ? -1.0 : uniform(random, -1, 5);
    case ActivationKind::softplus:
      return end ? pick(random, {0.0, 1e-30, 90.0}) : uniform(random, 0, 5);
  }
  return 0;
}

template <class T>
void expect(CheckContext& context, Random& random, const Activation& activation, const Shape& shape,
            Order order_a, Order order_d) {
  const Layout layout_a = random_layout(random, order_a), layout_d = random_layout(random, order_d);
  const std::string what = "f=" + std::to_string(static_cast<int>(activation.kind)) + " " +
                           describe(shape) + " A " + describe(layout_a) + " D " +
                           describe(layout_d);
  Operand<T> a(shape.rows, shape.cols, layout_a,
               [&](index_t, index_t) { return activation_value(random, activation); });
  a.make_read_only();
  const Operand<T> initial(shape.rows, shape.cols, {},
                           [&](index_t, index_t) { return uniform(random, -2, 2); });
  std::vector<long double> want, bounds;
  for (index_t i = 0; i < shape.rows; ++i)
    for (index_t j = 0; j < shape.cols; ++j) {
      const long double value = a.view()(i, j), d = initial.view()(i, j);
      want.push_back(d * oracle::derivative(activation, value));
      bounds.push_back(bound<T>(activation, value, d));
    }
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    Operand<T> d(shape.rows, shape.cols, layout_d);
    d.assign(initial.read());
    tested.backend->run(ActivateBackward<T>{activation, a.read(), d.view()});
    context(tested, what, first_of({exceeds(d.read(), want, bounds), d.stray_writes()}));
  }
}

template <class T>
void agrees_on_all_shapes(CheckContext& context) {
  Random random(90);
  std::size_t turn = 0;
  for (const Shape& shape : matrix_shapes(50'000))
    expect<T>(context, random, kAll[turn++ % std::size(kAll)], shape, pick(random, kOrders),
              pick(random, kOrders));
  context.expect_cases(901);
}

template <class T>
void agrees_on_all_strides(CheckContext& context) {
  Random random(91);
  for (const Activation& activation : kAll)
    for (Order order_a : kOrders)
      for (Order order_d : kOrders)
        for (const Shape& shape : {Shape{37, 83}, {128, 256}, {1, 200}})
          expect<T>(context, random, activation, shape, order_a, order_d);
  context.expect_cases(5 * 9 * 3);
}

template <class T>
void passes_specials_of_d(CheckContext& context) {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  for (const BackendUnderTest& tested : context.backends())
    for (const Activation& activation : kAll)
      for (index_t size : {1, 8, 19}) {
        // f' is positive at 1/2; at 1 it is 0 for tanh and sigmoid, and infinity times it NaN. The
        // bracket [a > 0] of relu selects: where it is 0, the result is 0 whatever d is.
        const bool saturates =
            activation.kind == ActivationKind::tanh || activation.kind == ActivationKind::sigmoid;
        const bool relu = activation.kind == ActivationKind::relu;
        const T end = relu ? T{0} : T{1};
        struct Row {
          T a, d, want;
        };
        const Row rows[] = {{0.5, kNan, kNan},
                            {0.5, kInfinity, kInfinity},
                            {0.5, -kInfinity, -kInfinity},
                            {end, kNan, relu ? T{0} : kNan},
                            {end, kInfinity,
                             relu        ? T{0}
                             : saturates ? kNan
                                         : kInfinity}};
        for (const Row& row : rows) {
          const Operand<T> a(1, size, {}, [&](index_t, index_t) { return row.a; });
          const Operand<T> d(1, size, {}, [&](index_t, index_t) { return row.d; });
          const std::string what = "f=" + std::to_string(static_cast<int>(activation.kind)) +
                                   " a=" + std::to_string(row.a) + " d=" + std::to_string(row.d);
          context.begin(tested, what);
          tested.backend->run(ActivateBackward<T>{activation, a.read(), d.view()});
          context(
              tested, what,
              different_values(d.read(), std::vector<T>(static_cast<std::size_t>(size), row.want)));
        }
      }
  context.expect_cases(5 * 3 * 5);
}

/// identity, relu and leaky relu choose by a and multiply by nothing but the slope: the result is
/// known to the last bit and to the sign of zero.
template <class T>
void chooses(CheckContext& context) {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kSpecials[] = {0, -T{0}, 1, -1, kInfinity, -kInfinity, kNan};
  constexpr index_t kCount = static_cast<index_t>(std::size(kSpecials));
  Random random(92);
  for (const Activation& activation : {kAll[0], kAll[1], kAll[2]})
    for (Order order : kOrders)
      for (index_t repeats : {1, 2, 5}) {  // several vectors, and what remains of one
        const auto special = [&](index_t i) { return kSpecials[i % kCount]; };
        // Every pair of an a and a d.
        const index_t rows = kCount, cols = kCount * repeats;
        const Layout layout = random_layout(random, order);
        Operand<T> a(rows, cols, random_layout(random),
                     [&](index_t i, index_t) { return special(i); });
        a.make_read_only();
        std::vector<T> want;
        for (index_t i = 0; i < rows; ++i)
          for (index_t j = 0; j < cols; ++j) {
            const T value = special(i), d = special(j);
            const T otherwise = activation.kind == ActivationKind::relu
                                    ? T{0}
                                    : static_cast<T>(activation.slope) * d;
            want.push_back(activation.kind == ActivationKind::identity || value > 0 ? d
                                                                                    : otherwise);
          }
        const std::string what = "f=" + std::to_string(static_cast<int>(activation.kind)) + " " +
                                 describe(Shape{rows, cols}) + " D " + describe(layout);
        for (const BackendUnderTest& tested : context.backends()) {
          context.begin(tested, what);
          const Operand<T> d(rows, cols, layout, [&](index_t, index_t j) { return special(j); });
          tested.backend->run(ActivateBackward<T>{activation, a.read(), d.view()});
          context(tested, what, first_of({different_bits(d.read(), want), d.stray_writes()}));
        }
      }
  context.expect_cases(27);
}

template <class T>
void passes_nan_of_a(CheckContext& context) {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  for (const BackendUnderTest& tested : context.backends())
    for (ActivationKind kind : {ActivationKind::tanh, ActivationKind::sigmoid}) {
      const Operand<T> a(3, 19, {},
                         [&](index_t i, index_t j) { return i == 1 && j == 17 ? kNan : T{0}; });
      const Operand<T> d(3, 19, {}, [](index_t, index_t) { return 1; });
      const std::string what = "f=" + std::to_string(static_cast<int>(kind)) + " one NaN in a";
      context.begin(tested, what);
      tested.backend->run(ActivateBackward<T>{{kind, 0.01}, a.read(), d.view()});
      std::vector<T> want(3 * 19, kind == ActivationKind::tanh ? T{1} : T{0});
      want[19 + 17] = kNan;
      context(tested, what, different_values(d.read(), want));
    }
  context.expect_cases(2);
}

}  // namespace

std::vector<Check> activate_backward_checks() {
  return {
      {"activate_backward", "agrees with the oracle, all shapes", agrees_on_all_shapes<float>,
       agrees_on_all_shapes<double>},
      {"activate_backward", "agrees with the oracle, all activations and strides",
       agrees_on_all_strides<float>, agrees_on_all_strides<double>},
      {"activate_backward", "NaN and infinity in d pass as products do, but not a relu that is off",
       passes_specials_of_d<float>, passes_specials_of_d<double>},
      {"activate_backward", "relu and leaky relu choose by a, to the last bit and sign of zero",
       chooses<float>, chooses<double>},
      {"activate_backward", "NaN in a reaches d where f' is computed from it",
       passes_nan_of_a<float>, passes_nan_of_a<double>}};
}

}  // namespace lamella::conformance
