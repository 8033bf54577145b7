// Temperatures: where they are known in closed form, at their bounds, and in a network.
#include <cmath>
#include <limits>

#include <lamella/backend_selection.h>
#include <lamella/calibration.h>
#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/metrics.h>
#include <lamella/trainer.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::Message;
using Labels = std::vector<std::int32_t>;

template <class T>
struct Predictions {
  Labels labels;
  Matrix<T> probabilities;
};

// Samples whose labels are as frequent as q says, and whose probabilities are softmax(τ log q): it
// is the temperature τ that gives back q, the most likely probabilities of these labels.
template <class T>
Predictions<T> predictions_at(double temperature) {
  const std::vector<std::vector<int>> counts = {{1, 3, 4}, {5, 2, 1}, {1, 1, 6}};
  Predictions<T> made{{}, Matrix<T>(24, 3)};
  index_t s = 0;
  for (const std::vector<int>& q : counts) {
    double total = 0;
    for (const int n : q) total += std::pow(n / 8.0, temperature);
    for (std::int32_t label = 0; label < 3; ++label)
      for (int copy = 0; copy < q[static_cast<std::size_t>(label)]; ++copy, ++s) {
        made.labels.push_back(label);
        for (index_t c = 0; c < 3; ++c)
          made.probabilities(s, c) =
              static_cast<T>(std::pow(q[static_cast<std::size_t>(c)] / 8.0, temperature) / total);
      }
  }
  return made;
}

TEMPLATE_TEST_CASE("the temperature that makes labels most probable", "[calibration]", float,
                   double) {
  using T = TestType;
  for (const double temperature : {0.02, 0.5, 1.0, 2.0, 7.0}) {
    INFO(temperature);
    const auto made = predictions_at<T>(temperature);
    CHECK(fit_temperature<T>(made.labels, made.probabilities.view()) ==
          Approx(temperature).epsilon(std::is_same_v<T, float> ? 2e-5 : 1e-9));
  }
}

TEST_CASE("temperatures stay in their interval", "[calibration]") {
  Matrix<double> p(2, 2);
  p(0, 0) = p(1, 1) = 0.9;
  p(0, 1) = p(1, 0) = 0.1;
  CHECK(fit_temperature<double>(Labels{0, 1}, p.view()) == 0.01);  // the surer, the better
  CHECK(fit_temperature<double>(Labels{1, 0}, p.view()) == 100);
  p(0, 0) = p(1, 1) = 1;  // its other probability has underflowed
  p(0, 1) = p(1, 0) = 0;
  CHECK(fit_temperature<double>(Labels{0, 0}, p.view()) == 100);
}

TEST_CASE("a network is calibrated by its last layer", "[calibration]") {
  // Few noisy samples, learnt by heart: sure, and often wrong.
  const Dataset data = make_moons(40, 0.5, 1), held_out = make_moons(2000, 0.5, 2);
  Network<float> network({2, {64}, 2, {ActivationKind::tanh}}, make_backend(), 1);
  TrainOptions options;
  options.epochs = 300;
  options.batch_size = 8;
  options.optimizer = AdamOptions{.learning_rate = 0.02};
  train(network, data, nullptr, {}, options);
  const Evaluation before = evaluate(network, held_out, {});
  const double temperature = fit_temperature(network, held_out, {});
  CHECK(temperature > 1.5);
  apply_temperature(network, temperature);
  const Evaluation after = evaluate(network, held_out, {});
  CHECK(after.confusion_matrix == before.confusion_matrix);
  CHECK(after.log_loss < before.log_loss);
  CHECK(after.probabilities.expected_calibration_error <
        before.probabilities.expected_calibration_error);
  CHECK(fit_temperature(network, held_out, {}) == Approx(1).epsilon(1e-3));
}

TEST_CASE("calibration refuses what does not fit", "[calibration]") {
  Matrix<float> p(2, 2);
  const auto fit = [&](const Labels& labels) { fit_temperature<float>(labels, p.view()); };
  CHECK_THROWS_MATCHES(fit({0}), ArgumentError,
                       Message("fit_temperature: 1 labels for probabilities of 2 samples"));
  CHECK_THROWS_MATCHES(fit({0, 2}), ArgumentError,
                       Message("fit_temperature: label 2 of sample 1 is not one of 0 to 1"));
  p(1, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_MATCHES(fit({0, 1}), ArgumentError,
                       Message("fit_temperature: the probability of class 0 for sample 1 is nan; "
                               "it must be finite"));
  CHECK_THROWS_MATCHES(fit_temperature<float>({}, Matrix<float>(0, 2).view()), ArgumentError,
                       Message("fit_temperature: there are no samples"));
  Network<float> network({2, {}, 2, {}}, make_backend(), 1);
  CHECK_THROWS_MATCHES(apply_temperature(network, 0), ArgumentError,
                       Message("apply_temperature: the temperature is 0; it must be finite and "
                               "above 0"));
}

}  // namespace
}  // namespace lamella::test
