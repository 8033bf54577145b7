// Initial weights: each scheme has the spread of its formula, and no number is used twice.
#include <algorithm>
#include <cmath>
#include <set>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/initialization.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::Message;

constexpr double kInputs = 200, kUnits = 150, kClasses = 50;

NetworkSpec spec(ActivationKind activation) { return {200, {150}, 50, {activation}}; }

// What one layer of a network is drawn from: the deviation of its numbers, and the bound of uniform
// ones (0: normal).
struct Spread {
  double deviation = 0;
  double bound = 0;
};

Spread uniform(double bound) { return {bound / std::sqrt(3.0), bound}; }
Spread normal(double deviation) { return {deviation, 0}; }

void check(const std::vector<double>& values, const Spread& spread) {
  double sum = 0, squares = 0, largest = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
    largest = std::max(largest, std::abs(value));
  }
  const auto n = static_cast<double>(values.size());
  CHECK(std::abs(sum / n) < 5 * spread.deviation / std::sqrt(n));
  CHECK(std::sqrt(squares / n) == Approx(spread.deviation).epsilon(5 / std::sqrt(n)));
  if (spread.bound > 0) {
    CHECK(largest <= spread.bound);
    CHECK(largest > spread.bound * (1 - 20 / n));
  } else {
    CHECK(largest > 2 * spread.deviation);  // which uniform numbers of this deviation do not reach
  }
}

template <class T>
std::vector<double> values_of(ConstView<T> view) {
  std::vector<double> values;
  for (index_t i = 0; i < view.rows; ++i)
    for (index_t j = 0; j < view.cols; ++j) values.push_back(static_cast<double>(view(i, j)));
  return values;
}

template <class T>
std::vector<double> values_of(ConstVectorView<T> view) {
  std::vector<double> values;
  for (index_t i = 0; i < view.size; ++i) values.push_back(static_cast<double>(view[i]));
  return values;
}

struct Expected {
  Initialization scheme;
  ActivationKind activation;
  Spread hidden, last;
  bool biases = false;
};

TEMPLATE_TEST_CASE("initial weights have the spread of their scheme", "[initialization]", float,
                   double) {
  using T = TestType;
  using enum Initialization;
  const double hidden_fans = kInputs + kUnits, last_fans = kUnits + kClasses;
  const Spread glorot_hidden = uniform(std::sqrt(6 / hidden_fans));
  const Spread glorot_last = uniform(std::sqrt(6 / last_fans));
  const std::vector<Expected> expected = {
      {by_activation, ActivationKind::relu, uniform(std::sqrt(6 / kInputs)), glorot_last},
      {by_activation, ActivationKind::leaky_relu, uniform(std::sqrt(6 / kInputs)), glorot_last},
      {by_activation, ActivationKind::gelu, uniform(std::sqrt(6 / kInputs)), glorot_last},
      {by_activation, ActivationKind::selu, uniform(std::sqrt(3 / kInputs)), glorot_last},
      {by_activation, ActivationKind::tanh, glorot_hidden, glorot_last},
      {he_uniform, ActivationKind::tanh, uniform(std::sqrt(6 / kInputs)),
       uniform(std::sqrt(6 / kUnits))},
      {he_normal, ActivationKind::relu, normal(std::sqrt(2 / kInputs)),
       normal(std::sqrt(2 / kUnits))},
      {glorot_uniform, ActivationKind::relu, glorot_hidden, glorot_last},
      {glorot_normal, ActivationKind::relu, normal(std::sqrt(2 / hidden_fans)),
       normal(std::sqrt(2 / last_fans))},
      {lecun_normal, ActivationKind::relu, normal(std::sqrt(1 / kInputs)),
       normal(std::sqrt(1 / kUnits))},
      {torch, ActivationKind::relu, uniform(std::sqrt(1 / kInputs)), uniform(std::sqrt(1 / kUnits)),
       true},
      {scikit_learn, ActivationKind::relu, glorot_hidden, glorot_last, true},
      {scikit_learn, ActivationKind::sigmoid, uniform(std::sqrt(2 / hidden_fans)), glorot_last,
       true}};
  for (const Expected& e : expected) {
    INFO(initialization_name(e.scheme) << " before " << activation_name(e.activation));
    const Network<T> network(spec(e.activation), make_backend({.name = "simd"}), 3, e.scheme);
    const LayerView<const T> hidden = network.layer(0), last = network.layer(1);
    check(values_of(hidden.weights), e.hidden);
    check(values_of(last.weights), e.last);
    if (e.biases) {
      check(values_of(hidden.bias), e.hidden);
      check(values_of(last.bias), e.last);
    } else {
      CHECK(std::ranges::count(values_of(hidden.bias), 0.0) == 150);
      CHECK(std::ranges::count(values_of(last.bias), 0.0) == 50);
    }
  }
}

TEST_CASE("every initial number is drawn by itself", "[initialization]") {
  for (const NamedInitialization& scheme : kInitializations) {
    INFO(scheme.name);
    const Network<double> network(spec(ActivationKind::relu), make_backend({.name = "simd"}), 3,
                                  scheme.kind);
    std::vector<double> all = parameters_of(network);
    std::erase(all, 0.0);  // biases
    CHECK(std::set<double>(all.begin(), all.end()).size() == all.size());
  }
}

TEST_CASE("schemes of initial weights have names", "[initialization]") {
  for (const NamedInitialization& scheme : kInitializations)
    CHECK(initialization_by_name(initialization_name(scheme.kind)) == scheme.kind);
  CHECK_FALSE(initialization_by_name("zeros"));
  CHECK_THROWS_MATCHES(Network<float>(spec(ActivationKind::relu), make_backend(), 1,
                                      static_cast<Initialization>(99)),
                       ArgumentError,
                       Message("Network: initialization is 99, which is none of the enum"));
}

}  // namespace
}  // namespace lamella::test
