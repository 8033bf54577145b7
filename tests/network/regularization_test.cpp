// The L1 penalty and the largest norm: NumPy's weights after ten steps, and what is refused.
#include "tests/network/reference/regularization.h"

#include <cmath>
#include <limits>
#include <span>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/trainer.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

// The data, weights and steps of regularization.py.
constexpr index_t kSamples = 6;
constexpr int kSteps = 10;
const std::vector<std::int32_t> kLabels{0, 1, 2, 0, 1, 2};

template <class T>
void fill_weights(View<T> weights, double first) {
  for (index_t i = 0; i < weights.rows; ++i)
    for (index_t j = 0; j < weights.cols; ++j)
      weights(i, j) = static_cast<T>(
          std::cos(first + 2 * static_cast<double>(i) + 7 * static_cast<double>(j)) / 2);
}

template <class T>
Network<T> ten_steps(const std::shared_ptr<const Backend>& backend, const Optimizer& optimizer,
                     const Regularization& regularization) {
  auto network = Network<T>::zeros({4, {5}, 3, {ActivationKind::tanh}}, backend);
  fill_weights(network.layer(0).weights, 1);
  fill_weights(network.layer(1).weights, 2);
  const View<T> x = network.batch_input(kSamples);
  for (index_t i = 0; i < kSamples; ++i)
    for (index_t j = 0; j < 4; ++j)
      x(i, j) =
          static_cast<T>(std::sin(1 + 3 * static_cast<double>(i) + 5 * static_cast<double>(j)));
  for (int step = 0; step < kSteps; ++step)
    network.train_batch(kLabels, {}, optimizer, {}, {}, regularization);
  return network;
}

template <class T>
void check_weights(const Optimizer& optimizer, const Regularization& regularization,
                   std::span<const double> expected) {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const auto found = parameters_of(ten_steps<T>(backend, optimizer, regularization));
    REQUIRE(found.size() == expected.size());
    double largest = 0;
    int zeros = 0, expected_zeros = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(found[i]) - expected[i]));
      zeros += found[i] == 0 ? 1 : 0;
      expected_zeros += expected[i] == 0 ? 1 : 0;
    }
    CHECK(largest <= (std::is_same_v<T, float> ? 1e-6 : 1e-14));
    CHECK(zeros == expected_zeros);  // exactly zero, and not merely small
  }
}

TEMPLATE_TEST_CASE("an L1 penalty and a largest norm are NumPy's", "[regularization]", float,
                   double) {
  using T = TestType;
  const SgdOptions plain{.learning_rate = 0.5};
  const SgdOptions momentum{.learning_rate = 0.5, .momentum = 0.5};
  const AdamOptions adam{.learning_rate = 0.1};
  SECTION("L1") { check_weights<T>(plain, {0.02, 0}, k_sgd_l1); }
  SECTION("largest norm") { check_weights<T>(plain, {0, 0.8}, k_sgd_max_norm); }
  SECTION("both") { check_weights<T>(plain, {0.02, 0.8}, k_sgd_both); }
  SECTION("momentum") { check_weights<T>(momentum, {0.02, 0.8}, k_momentum_both); }
  SECTION("Adam") { check_weights<T>(adam, {0.02, 0.8}, k_adam_both); }
}

TEST_CASE("training keeps the norms of hidden units alone", "[regularization]") {
  const Dataset data = make_moons(80, 0.1, 1);
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<float> network({2, {6, 5}, 2}, backend, 1);
    TrainOptions o;
    o.epochs = 5;
    o.optimizer = SgdOptions{.learning_rate = 0.5};
    o.schedule = {CosineSchedule{}};
    o.regularization.max_norm = 0.25;
    train(network, data, nullptr, {}, o);
    for (index_t l = 0; l < 3; ++l) {
      double longest = 0;
      const View<float> w = network.layer(l).weights;
      for (index_t i = 0; i < w.rows; ++i) {
        double squares = 0;
        for (index_t j = 0; j < w.cols; ++j) squares += std::pow(static_cast<double>(w(i, j)), 2);
        longest = std::max(longest, std::sqrt(squares));
      }
      INFO("layer " << l);
      CHECK((longest <= 0.25 * (1 + 1e-6)) == (l < 2));
    }
  }
}

TEST_CASE("an L1 penalty leaves few inputs of many that say nothing", "[regularization]") {
  // Input 0 is the class, the other nine are noise.
  Uniform uniform(3);
  std::vector<double> values;
  std::vector<std::int32_t> labels;
  for (int s = 0; s < 200; ++s) {
    labels.push_back(uniform.below(2));
    values.push_back(labels.back() * 2 - 1);
    for (int j = 1; j < 10; ++j) values.push_back(uniform());
  }
  const Dataset data(values, {10}, labels);
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<float> network({10, {}, 2}, backend, 1);
    TrainOptions o;
    o.epochs = 40;
    o.optimizer = SgdOptions{.learning_rate = 0.2, .momentum = 0.5};
    o.regularization.l1 = 0.05;
    train(network, data, nullptr, {}, o);
    const View<float> w = network.layer(0).weights;
    CHECK(w(1, 0) - w(0, 0) > 0.5F);
    for (index_t j = 1; j < 10; ++j) CHECK((w(0, j) == 0 && w(1, j) == 0));
  }
}

TEST_CASE("penalties and norms out of range are refused", "[regularization]") {
  Network<float> network({2, {3}, 2}, test_backends().front(), 1);
  const auto before = parameters_of(network);
  const auto refused = [&](const Regularization& regularization, const std::string& text) {
    TrainOptions o;
    o.regularization = regularization;
    CHECK_THROWS_WITH(train(network, make_moons(10, 0, 1), nullptr, {}, o),
                      ContainsSubstring("train: " + text));
    network.batch_input(1);
    CHECK_THROWS_WITH(
        network.train_batch(std::vector<std::int32_t>{0}, {}, {}, {}, {}, regularization),
        ContainsSubstring("Network::train_batch: " + text));
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const double value : {-1.0, kInfinity, kNan}) {
    refused({value, 0}, "l1 is ");
    refused({0, value}, "max_norm is ");
  }
  CHECK(parameters_of(network) == before);
}

}  // namespace
}  // namespace lamella::test
