// sgd_update: every combination of momentum, Nesterov and weight decay, exact on dyadic numbers,
// within a few roundings on others.
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

// weight_decay w, + g, momentum v, + g, momentum v + g again (nesterov), times rate, - : at most 7
// roundings of any term; 8 leaves one for the factors.
constexpr index_t kRoundings = 8;

struct Options {
  double rate, momentum, weight_decay;
  bool nesterov, velocity;
};

/// Everything that the documentation defines: Nesterov's form needs a velocity.
std::vector<Options> all_options(double rate, double momentum, double weight_decay) {
  std::vector<Options> all;
  for (double decay : {0.0, weight_decay})
    for (bool velocity : {false, true})
      for (double mu : {0.0, momentum})
        for (bool nesterov : {false, true})
          if (velocity || (mu == 0 && !nesterov))
            all.push_back({rate, mu, decay, nesterov, velocity});
  return all;
}

std::string describe(const Options& o) {
  return "rate=" + std::to_string(o.rate) + " momentum=" + std::to_string(o.momentum) +
         " decay=" + std::to_string(o.weight_decay) + (o.nesterov ? " nesterov" : "") +
         (o.velocity ? " velocity" : "");
}

template <class T>
struct Problem {
  template <class F>
  Problem(Random& random, const Shape& shape, const Options& o, const std::array<Order, 3>& orders,
          F value)
      : options(o),
        velocity_layout(random_layout(random, orders[1])),
        weights_layout(random_layout(random, orders[2])),
        gradient(shape.rows, shape.cols, random_layout(random, orders[0]),
                 [&](index_t, index_t) { return value(); }),
        velocity(shape.rows, shape.cols, {}, [&](index_t, index_t) { return value(); }),
        weights(shape.rows, shape.cols, {}, [&](index_t, index_t) { return value(); }),
        what(conformance::describe(shape) + " " + describe(o) + " velocity " +
             conformance::describe(velocity_layout) + " weights " +
             conformance::describe(weights_layout)) {
    gradient.make_read_only();
  }
  SgdUpdate<T> call(View<T> v, View<T> w) const {
    SgdUpdate<T> update;
    update.learning_rate = static_cast<T>(options.rate);
    update.momentum = static_cast<T>(options.momentum);
    update.weight_decay = static_cast<T>(options.weight_decay);
    update.nesterov = options.nesterov;
    update.gradient = gradient.read();
    if (options.velocity) update.velocity = v;
    update.weights = w;
    return update;
  }

  /// |terms| of the new velocity and weights, times gamma.
  void expect(CheckContext& context, bool exact) const {
    const SgdUpdate<T> reference = call(velocity.view(), weights.view());
    const oracle::SgdResult want = oracle::sgd_update(reference);
    std::vector<long double> velocity_bound, weights_bound;
    const index_t rows = weights.view().rows, cols = weights.view().cols;
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < cols; ++j) {
        const long double w = std::abs(weights.view()(i, j));
        const long double g =
            std::abs(gradient.view()(i, j)) + std::abs(reference.weight_decay) * w;
        const long double v = std::abs(reference.momentum * velocity.view()(i, j)) + g;
        const long double step = reference.nesterov ? g + reference.momentum * v : v;
        const long double scale = exact ? 0 : gamma<T>(kRoundings);
        if (options.velocity) velocity_bound.push_back(scale * v);
        weights_bound.push_back(scale * (w + reference.learning_rate * step));
      }
    for (const BackendUnderTest& tested : context.backends()) {
      context.begin(tested, what);
      Operand<T> v(rows, cols, velocity_layout), w(rows, cols, weights_layout);
      v.assign(velocity.read());
      w.assign(weights.read());
      tested.backend->run(call(v.view(), w.view()));
      const std::string velocity_problem = options.velocity
                                               ? exceeds(v.read(), want.velocity, velocity_bound)
                                               : different_bits(v.read(), velocity.read());
      context(tested, what,
              first_of({exceeds(w.read(), want.weights, weights_bound), velocity_problem,
                        v.stray_writes(), w.stray_writes()}));
    }
  }

  Options options;
  Layout velocity_layout, weights_layout;
  Operand<T> gradient, velocity, weights;
  std::string what;
};

template <class T>
void is_exact(CheckContext& context) {
  Random random(50);
  const std::vector<Options> options = all_options(0.5, 0.25, 0.125);
  std::size_t turn = 0;
  for (const Shape& shape : matrix_shapes(50'000)) {
    const std::array<Order, 3> orders = {pick(random, kOrders), pick(random, kOrders),
                                         pick(random, kOrders)};
    Problem<T>(random, shape, options[turn++ % options.size()], orders, [&] {
      return uniform_int(random, -20, 20);
    }).expect(context, true);
  }
  context.expect_cases(901);
}

template <class T>
void stays_in_bound(CheckContext& context) {
  Random random(51);
  for (const Options& o : all_options(0.1, 0.9, 1e-4))
    for (Order gradient : kOrders)
      for (Order velocity : kOrders)
        for (Order weights : kOrders)
          Problem<T>(random, {37, 83}, o, {gradient, velocity, weights}, [&] {
            return uniform(random, -1, 1);
          }).expect(context, false);
  Problem<T>(random, {512, 784}, {0.02, 0.9, 1e-4, false, true},
             {Order::rows, Order::rows, Order::rows}, [&] { return uniform(random, -1, 1); })
      .expect(context, false);
  context.expect_cases(271);
}

template <class T>
void keeps_specials_in_their_element(CheckContext& context) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  Random random(52);
  for (const Options& o : all_options(0.5, 0.25, 0.125))
    for (Order order : kOrders) {
      index_t turn = 0;  // the gradient is filled first, then velocity, then weights
      Problem<T>(random, {7, 13}, o, {order, order, order}, [&]() -> T {
        const index_t at = turn++;
        if (at == 5 || at == 7 * 13 + 40 || at == 2 * 7 * 13 + 60) return kNan;
        if (at == 20 || at == 2 * 7 * 13 + 50) return kInfinity;
        return 1;
      }).expect(context, true);
    }
  context.expect_cases(30);
}

}  // namespace

std::vector<Check> sgd_update_checks() {
  return {{"sgd_update", "exact on dyadic numbers, all options and shapes", is_exact<float>,
           is_exact<double>},
          {"sgd_update", "within its roundings, all options and strides", stays_in_bound<float>,
           stays_in_bound<double>},
          {"sgd_update", "NaN and infinity stay in their element",
           keeps_specials_in_their_element<float>, keeps_specials_in_their_element<double>}};
}

}  // namespace lamella::conformance
