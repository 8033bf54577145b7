// batch_norm_backward: gradients within the rounding errors of their sums, whatever the activation.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/gemm_case.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

// Of the arithmetic apart from sums, and of an activation's derivative.
constexpr index_t kRoundings = 12, kDerivativeRoundings = 32;

/// Where the gradients of scale and shift go.
enum class Gradients { apart, updated };  // updated: in place of scale and shift

struct Case {
  Shape shape;
  Order x, d, vectors;
  ActivationKind activation;
  Gradients gradients;
  double alpha, beta;
};

template <class T>
struct Inputs {
  ConstView<T> x, d;
  ConstVectorView<T> scale, shift, mean, inverse, scale_before, shift_before;
};

/// A sum, the sum of its magnitudes, and how far off its terms may be.
struct Sum {
  long double value = 0, size = 0, error = 0;

  void add(long double term, long double term_error) {
    value += term;
    size += std::abs(term);
    error += term_error;
  }
  template <class T>
  long double bound(index_t terms) const {
    return error + gamma<T>(terms + kRoundings) * size;
  }
};

template <class T>
struct Results {
  BoundedValues d, scale_gradient, shift_gradient;

  Results(const Case& c, const Inputs<T>& in) {
    const index_t samples = in.x.rows;
    const auto m = static_cast<long double>(samples);
    d = BoundedValues(in.x.size());
    for (index_t j = 0; j < in.x.cols; ++j) {
      const long double mean = in.mean[j], inverse = in.inverse[j], factor = inverse * in.scale[j];
      Sum sum, product;
      std::vector<long double> g, g_error;
      for (index_t i = 0; i < samples; ++i) {
        const long double position = (in.x(i, j) - mean) * inverse, given = in.d(i, j);
        const long double z = position * in.scale[j] + in.shift[j];
        long double derivative = 1, error = 0;
        if (c.activation == ActivationKind::relu) derivative = z > 0 ? 1 : 0;
        if (c.activation == ActivationKind::tanh) {
          derivative = 1 - std::tanh(z) * std::tanh(z);
          error =
              gamma<T>(kDerivativeRoundings) * (1 + std::abs(position * in.scale[j]) +
                                                std::abs(static_cast<long double>(in.shift[j])));
        }
        g.push_back(given * derivative);
        g_error.push_back(std::abs(given) * error);
        sum.add(g.back(), g_error.back());
        product.add(g.back() * position, g_error.back() * std::abs(position));
      }
      const long double sum_bound = sum.bound<T>(samples),
                        product_bound = product.bound<T>(samples);
      const auto gradient = [&](BoundedValues& expected, const Sum& of, long double bound,
                                long double before) {
        const long double alpha = static_cast<T>(c.alpha),
                          kept = c.beta == 0 ? 0 : static_cast<T>(c.beta) * before;
        expected.add(alpha * of.value + kept,
                     2 * std::abs(alpha) * bound +
                         gamma<T>(kRoundings) * (std::abs(alpha) * of.size + std::abs(kept)));
      };
      gradient(scale_gradient, product, product_bound, in.scale_before[j]);
      gradient(shift_gradient, sum, sum_bound, in.shift_before[j]);
      for (index_t i = 0; i < samples; ++i) {
        const auto at = static_cast<std::size_t>(i * in.x.cols + j),
                   k = static_cast<std::size_t>(i);
        const long double position = (in.x(i, j) - mean) * inverse;
        d.values[at] = factor * (g[k] - sum.value / m - position * product.value / m);
        d.bounds[at] = 2 * std::abs(factor) *
                       (g_error[k] + sum_bound / m + std::abs(position) * product_bound / m +
                        gamma<T>(kRoundings) * (std::abs(g[k]) + sum.size / m +
                                                std::abs(position) * product.size / m));
      }
    }
  }
};

template <class T>
void expect(CheckContext& context, Random& random, const Case& c) {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  const index_t features = c.shape.cols;
  const auto vector = [&](double low, double high) {
    return vector_operand<T>(features, random_layout(random, c.vectors),
                             [&](index_t) { return uniform(random, low, high); });
  };
  // Apart from 0 after scale and shift, so that rounding decides about no unit of relu.
  Operand<T> x(c.shape.rows, features, random_layout(random, c.x), [&](index_t, index_t j) {
    return static_cast<double>(j % 7) + pick(random, {-1, 1}) * uniform(random, 0.9, 1.1);
  });
  const Operand<T> given(c.shape.rows, features, {},
                         [&](index_t, index_t) { return uniform(random, -1, 1); });
  const auto scale = vector(0.5, 2), shift = vector(-0.2, 0.2), inverse = vector(0.8, 1.5);
  auto mean = vector_operand<T>(features, random_layout(random, c.vectors),
                                [](index_t j) { return static_cast<double>(j % 7); });
  x.make_read_only();
  mean.make_read_only();
  const bool updated = c.gradients == Gradients::updated;
  const auto unset = vector_operand<T>(features, {}, [&](index_t) {
    return c.beta == 0 ? static_cast<double>(kNan) : uniform(random, -1, 1);
  });
  const auto& scale_before = updated ? scale : unset;
  const auto& shift_before = updated ? shift : unset;
  const Results<T> want(c, {x.read(), given.read(), scale.vector(), shift.vector(), mean.vector(),
                            inverse.vector(), scale_before.vector(), shift_before.vector()});
  const Layout layout_d = random_layout(random, c.d), layout = random_layout(random, c.vectors);
  const std::string what = describe(c.shape) + " order of X " +
                           std::to_string(static_cast<int>(c.x)) + " D " + describe(layout_d) +
                           " vectors " + describe(layout) + " " + activation_name(c.activation) +
                           (updated ? " updated" : "") + " alpha=" + std::to_string(c.alpha) +
                           " beta=" + std::to_string(c.beta);
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    Operand<T> d(c.shape.rows, features, layout_d), scale_gradient(1, features, layout),
        shift_gradient(1, features, layout);
    d.assign(given.read());
    scale_gradient.assign(scale_before.read());
    shift_gradient.assign(shift_before.read());
    BatchNormBackward<T> call;
    call.alpha = static_cast<T>(c.alpha);
    call.activation = {c.activation, 0.01};
    call.x = x.read();
    call.scale = updated ? scale_gradient.vector() : scale.vector();
    call.shift = updated ? shift_gradient.vector() : shift.vector();
    call.mean = mean.vector();
    call.inverse_deviation = inverse.vector();
    call.d = d.view();
    call.beta = static_cast<T>(c.beta);
    call.scale_gradient = scale_gradient.vector();
    call.shift_gradient = shift_gradient.vector();
    tested.backend->run(call);
    context(
        tested, what,
        first_of(
            {exceeds(d.read(), want.d), d.stray_writes(),
             exceeds(scale_gradient.read(), want.scale_gradient), scale_gradient.stray_writes(),
             exceeds(shift_gradient.read(), want.shift_gradient), shift_gradient.stray_writes()}));
  }
}

constexpr ActivationKind kKinds[] = {ActivationKind::identity, ActivationKind::relu,
                                     ActivationKind::tanh};

template <class T>
void all_shapes(CheckContext& context) {
  Random random(170);
  for (const Shape& shape : matrix_shapes(20'000))
    expect<T>(context, random,
              {shape, pick(random, kOrders), pick(random, kOrders), pick(random, kOrders),
               pick(random, kKinds), pick(random, {Gradients::apart, Gradients::updated}),
               pick(random, kFactors), pick(random, kFactors)});
  context.expect_cases(901);
}

template <class T>
void all_strides(CheckContext& context) {
  Random random(171);
  for (const Shape& shape : {Shape{128, 40}, {2, 33}, {77, 1}, {600, 17}})
    for (Order x : kOrders)
      for (Order d : kOrders)
        for (Order vectors : {Order::rows, Order::general})
          for (ActivationKind kind : kKinds)
            expect<T>(context, random, {shape, x, d, vectors, kind, Gradients::updated, -0.1, 1});
  context.expect_cases(4 * 54);
}

}  // namespace

std::vector<Check> batch_norm_backward_checks() {
  return {{"batch_norm_backward", "within the rounding bound, all shapes", all_shapes<float>,
           all_shapes<double>},
          {"batch_norm_backward", "within the rounding bound, all strides", all_strides<float>,
           all_strides<double>}};
}

}  // namespace lamella::conformance
