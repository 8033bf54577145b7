// Normalised layers: values of PyTorch, gradients, running statistics, what is refused.
#include "tests/network/reference/normalization.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/metrics.h>
#include <lamella/model_file.h>
#include <lamella/trainer.h>
#include <lamella/weight_average.h>

#include "core/network/parameters.h"
#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/scratch_directory.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

NetworkSpec spec_with(Normalization normalization, ActivationKind activation) {
  return {3, {5, 4}, 2, {activation}, normalization};
}

/// The fractions that reference/normalization.py makes its weights and samples of.
double number(index_t a, index_t b, index_t c) {
  return static_cast<double>((a * 7 + b * 5 + c * 3) % 11 - 5) / 8;
}

template <class T>
double largest_difference(const std::vector<T>& got, std::span<const double> want) {
  REQUIRE(got.size() == want.size());
  double largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(got[i]) - want[i]) /
                                    std::max(1.0, std::abs(want[i])));
  return largest;
}

/// What PyTorch has found; see reference/normalization.py.
struct Expected {
  std::string name;
  Normalization normalization;
  Optimizer optimizer;
  std::span<const double> losses, tensors, probabilities;
};

std::vector<Expected> references() {
  const Optimizer sgd = SgdOptions{.learning_rate = 0.1, .weight_decay = 0.05};
  const Optimizer nesterov = SgdOptions{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true};
  const Optimizer adamw =
      AdamOptions{.learning_rate = 0.01, .weight_decay = 0.1, .decoupled_decay = true};
  return {{"batch sgd", Normalization::batch, sgd, k_batch_sgd_losses, k_batch_sgd_tensors,
           k_batch_sgd_probabilities},
          {"batch nesterov", Normalization::batch, nesterov, k_batch_nesterov_losses,
           k_batch_nesterov_tensors, k_batch_nesterov_probabilities},
          {"batch adamw", Normalization::batch, adamw, k_batch_adamw_losses, k_batch_adamw_tensors,
           k_batch_adamw_probabilities}};
}

TEMPLATE_TEST_CASE("normalised layers learn and predict as PyTorch's", "[network][normalization]",
                   float, double) {
  using T = TestType;
  constexpr double kTolerance = std::is_same_v<T, float> ? 1e-6 : 1e-12;
  for (const auto& backend : test_backends())
    for (const Expected& expected : references()) {
      INFO(backend->info().name << ", " << expected.name);
      Network<T> network(spec_with(expected.normalization, ActivationKind::tanh), backend);
      for (index_t l = 0; l < network.layers(); ++l) {
        const View<T> weights = network.layer(l).weights;
        for (index_t i = 0; i < weights.rows; ++i)
          for (index_t j = 0; j < weights.cols; ++j)
            weights(i, j) = static_cast<T>(number(i, j, l));
      }
      Matrix<T> x(6, 3), probabilities(6, 2);
      for (index_t i = 0; i < x.rows(); ++i)
        for (index_t j = 0; j < x.cols(); ++j) x(i, j) = static_cast<T>(number(i, j, 4));
      const std::vector<std::int32_t> labels = {0, 1, 0, 1, 0, 1};
      std::vector<double> losses;
      for (std::size_t step = 0; step < expected.losses.size(); ++step) {
        copy<T>(x.view(), network.batch_input(6));
        losses.push_back(network.train_batch(labels, {}, expected.optimizer).loss_sum / 6);
      }
      CHECK(largest_difference(losses, expected.losses) <= kTolerance);
      CHECK(largest_difference(parameters_of(network), expected.tensors) <= kTolerance);
      network.predict(x.view(), probabilities.view());
      const std::vector<T> predicted(probabilities.values().begin(), probabilities.values().end());
      CHECK(largest_difference(predicted, expected.probabilities) <= kTolerance);
    }
}

/// Adds to scales and biases, so that no factor of 1 or 0 hides a fault.
template <class T>
void randomize_vectors(Network<T>& network, std::uint64_t seed) {
  randomize_biases(network, seed);
  Uniform uniform(seed + 1);
  for (index_t l = 0; l < network.layers(); ++l) {
    const VectorView<T> scale = network.layer(l).scale;
    for (index_t i = 0; i < scale.size; ++i) scale[i] = static_cast<T>(1 + 0.5 * uniform());
  }
}

TEST_CASE("gradients of normalised layers equal central differences", "[network][normalization]") {
  constexpr double kStep = 1e-3;
  for (const auto& backend : test_backends())
    for (const ActivationKind activation :
         {ActivationKind::tanh, ActivationKind::sigmoid, ActivationKind::identity,
          ActivationKind::gelu, ActivationKind::softplus}) {
      const NetworkSpec spec = spec_with(Normalization::batch, activation);
      Network<double> network(spec, backend, 3);
      randomize_vectors(network, 3);
      const Batch<double> batch = random_batch<double>(9, 3, 2, 4);
      copy<double>(batch.x.view(), network.batch_input(9));
      Gradients<double> gradients(network), scratch(network);
      const std::vector<double> before = parameters_of(network);
      const auto loss = [&] {
        const BatchResult r = network.gradient(batch.labels, batch.weights, 0.03, scratch.views());
        return r.loss_sum / r.weight_sum + network.penalty(0.03);
      };
      network.gradient(batch.labels, batch.weights, 0.03, gradients.views());
      CHECK(parameters_of(network) == before);  // running statistics too
      for (index_t l = 0; l < network.layers(); ++l)
        for_each_learnt(
            [&](Decay, View<double> parameters, View<double> analytic) {
              double largest = 1e-4;
              for (index_t i = 0; i < analytic.rows; ++i)
                for (index_t j = 0; j < analytic.cols; ++j)
                  largest = std::max(largest, std::abs(analytic(i, j)));
              for (index_t i = 0; i < parameters.rows; ++i)
                for (index_t j = 0; j < parameters.cols; ++j) {
                  double& parameter = parameters(i, j);
                  const double at = parameter;
                  const auto loss_at = [&](double steps) {
                    parameter = at + steps * kStep;
                    const double value = loss();
                    parameter = at;
                    return value;
                  };
                  const double numeric =
                      (45 * (loss_at(1) - loss_at(-1)) - 9 * (loss_at(2) - loss_at(-2)) +
                       loss_at(3) - loss_at(-3)) /
                      (60 * kStep);
                  INFO(backend->info().name << ", " << activation_name(activation) << ", layer "
                                            << l << ", " << i << ", " << j);
                  CHECK(std::abs(numeric - analytic(i, j)) <= 1e-7 * largest);
                }
            },
            network.layer(l), gradients.layer(l));
    }
}

TEST_CASE("prediction uses running statistics, whatever else is in the batch",
          "[network][normalization]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network(spec_with(Normalization::batch, ActivationKind::relu), backend, 3);
    randomize_vectors(network, 5);
    const Batch<double> batch = random_batch<double>(8, 3, 2, 4);
    Uniform uniform(6);
    for (index_t l = 0; l < 2; ++l)
      for (index_t i = 0; i < network.layer(l).scale.size; ++i) {
        network.layer(l).running_mean[i] = 0.3 * uniform();
        network.layer(l).running_variance[i] = 1 + 0.9 * uniform();
      }
    Matrix<double> probabilities(8, 2), alone(1, 2);
    network.predict(batch.x.view(), probabilities.view());
    double loss = 0;
    for (index_t s = 0; s < 8; ++s) {
      const Reference reference(network, row(batch.x.view(), s));
      CHECK(probabilities(s, 0) ==
            Approx(static_cast<double>(reference.probabilities[0])).epsilon(1e-13));
      network.predict(block(batch.x.view(), s, 0, 1, 3), alone.view());
      CHECK(alone(0, 0) == Approx(probabilities(s, 0)).epsilon(1e-14));
      loss += static_cast<double>(reference.loss(batch.labels[static_cast<std::size_t>(s)]));
    }
    CHECK(network.evaluate(batch.x.view(), batch.labels).loss_sum == Approx(loss).epsilon(1e-12));
  }
}

TEMPLATE_TEST_CASE("a saved network with normalised layers goes on with the same bits",
                   "[network][normalization]", float, double) {
  using T = TestType;
  const ScratchDirectory directory;
  const auto path = directory.path() / "m.safetensors";
  const Dataset data = make_moons(65, 0.1, 1);  // the last mini-batch of an epoch has one sample
  const auto& backend = test_backends().front();
  TrainOptions options;
  options.epochs = 2;
  options.batch_size = 16;
  Network<T> network({2, {7, 6}, 2, {ActivationKind::relu}, Normalization::batch}, backend, 1);
  train(network, data, nullptr, {}, options);
  save_model(path, network, {{"a", "b"}, {2}, {}});
  Model loaded = load_model(path, backend);
  auto& again = std::get<Network<T>>(loaded.network);
  CHECK(again.spec() == network.spec());
  CHECK(parameters_of(again) == parameters_of(network));
  const Batch<T> batch = random_batch<T>(40, 2, 2, 4);
  Matrix<T> before(40, 2), after(40, 2);
  network.predict(batch.x.view(), before.view());
  again.predict(batch.x.view(), after.view());
  CHECK(std::ranges::equal(before.values(), after.values()));
  options.epochs = 4;
  options.first_epoch = 3;
  train(network, data, nullptr, {}, options);
  train(again, data, nullptr, {}, options);
  CHECK(parameters_of(again) == parameters_of(network));
}

TEST_CASE("an average follows running statistics too", "[network][normalization]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network(spec_with(Normalization::batch, ActivationKind::relu), backend, 1);
    WeightAverage<double> average(network, backend, ExponentialAverage{0.5, 1});
    const auto set = [&](double value) {
      network.layer(0).running_mean[1] = network.layer(0).running_variance[2] =
          network.layer(1).scale[3] = value;
      average.after_step(network);
    };
    set(2);
    set(4);
    const LayerView<double> averaged = average.network().layer(0);
    CHECK(averaged.running_mean[1] == 3);
    CHECK(averaged.running_variance[2] == 3);
    CHECK(average.network().layer(1).scale[3] == 3);
  }
}

TEST_CASE("dropout falls behind the normalised activation", "[network][normalization]") {
  // With all running statistics untouched by the masks of the layer itself, the first layer's
  // running mean is that of a step without dropout.
  for (const auto& backend : test_backends())
    for (const ActivationKind activation : {ActivationKind::relu, ActivationKind::tanh}) {
      INFO(backend->info().name << ", " << activation_name(activation));
      const Batch<double> batch = random_batch<double>(12, 3, 2, 4);
      std::vector<std::int32_t> samples(12);
      for (std::size_t s = 0; s < samples.size(); ++s) samples[s] = static_cast<std::int32_t>(s);
      const auto after = [&](double probability) {
        Network<double> network(spec_with(Normalization::batch, activation), backend, 1);
        copy<double>(batch.x.view(), network.batch_input(12));
        network.train_batch(batch.labels, {}, SgdOptions{}, {probability, 1, 1, samples});
        return network;
      };
      const Network<double> plain = after(0), dropped = after(0.5);
      for (index_t i = 0; i < 5; ++i)
        CHECK(dropped.layer(0).running_mean[i] == plain.layer(0).running_mean[i]);
      CHECK(dropped.layer(1).running_mean[0] != plain.layer(1).running_mean[0]);
      CHECK(dropped.layer(0).scale[0] != plain.layer(0).scale[0]);
    }
}

TEST_CASE("a mini-batch of one sample is refused, and left out of an epoch",
          "[network][normalization]") {
  const auto& backend = test_backends().front();
  const NetworkSpec spec{2, {4}, 2, {}, Normalization::batch};
  Network<double> network(spec, backend, 1);
  network.batch_input(1)(0, 0) = 1;
  const std::vector<double> before = parameters_of(network);
  CHECK_THROWS_WITH(network.train_batch(std::vector<std::int32_t>{0}, {}, SgdOptions{}),
                    ContainsSubstring("a mini-batch of one sample"));
  CHECK(parameters_of(network) == before);
  const Dataset data = make_moons(33, 0.1, 1);
  TrainOptions options;
  options.epochs = 1;
  options.batch_size = 1;
  CHECK_THROWS_WITH(train(network, data, nullptr, {}, options),
                    ContainsSubstring("batch_size is 1 with 33 training samples"));
  options.batch_size = 32;
  CHECK(std::isfinite(train(network, data, nullptr, {}, options).back().train_loss));
  // Softmax regression has nothing to normalise.
  Network<double> linear({2, {}, 2, {}, Normalization::batch}, backend, 1);
  options.batch_size = 1;
  CHECK_NOTHROW(train(linear, data, nullptr, {}, options));
  CHECK_THROWS_WITH(Network<double>({2, {4}, 2, {}, static_cast<Normalization>(9)}, backend),
                    ContainsSubstring("normalization is 9"));
}

TEST_CASE("gradients need a place for scales", "[network][normalization]") {
  const auto& backend = test_backends().front();
  Network<double> network({2, {4}, 2, {}, Normalization::batch}, backend, 1);
  copy<double>(random_batch<double>(3, 2, 2, 1).x.view(), network.batch_input(3));
  Gradients<double> gradients(network);
  std::vector<LayerView<double>> views(gradients.views().begin(), gradients.views().end());
  const std::vector<std::int32_t> labels = {0, 1, 0};
  CHECK_NOTHROW(network.gradient(labels, {}, 0, views));
  views[0].scale = {};
  CHECK_THROWS_WITH(network.gradient(labels, {}, 0, views),
                    ContainsSubstring("has 0 scales; it needs 4"));
  views[0].scale = views[0].bias;
  CHECK_THROWS_WITH(network.gradient(labels, {}, 0, views), ContainsSubstring("overlaps"));
}

}  // namespace
}  // namespace lamella::test
