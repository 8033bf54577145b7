// Every analytic gradient against central differences of the loss, in double.
#include <cmath>

#include <lamella/error.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

// Step of the differences: with four points their error is of order h⁴ and rounding of order 1e-12.
constexpr double kStep = 1e-4;
constexpr double kTolerance = 1e-7;
// Least distance from the kink of relu, many times what a step moves a unit's input.
constexpr double kMargin = 2e-3;

struct Case {
  Network<double> network;
  Batch<double> batch;
};

double margin(const Case& c) {
  long double least = 1;
  for (index_t s = 0; s < c.batch.x.rows(); ++s)
    least = std::min(least, Reference(c.network, row(c.batch.x.view(), s)).margin);
  return static_cast<double>(least);
}

// A random network and batch, away from kinks.
Case make_case(const std::shared_ptr<const Backend>& backend, const NetworkSpec& spec,
               index_t samples) {
  for (std::uint64_t seed = 1;; ++seed) {
    REQUIRE(seed < 1000);
    Case c{Network<double>(spec, backend, seed),
           random_batch<double>(samples, spec.inputs, spec.classes, seed)};
    randomize_biases(c.network, seed);
    if (margin(c) > kMargin) return c;
  }
}

// Compares the gradient with respect to every parameter. `weighted`: with sample weights.
void check_gradient(Case& c, bool weighted, double weight_decay, const Loss& smoothing = {}) {
  Network<double>& network = c.network;
  const std::span<const double> weights =
      weighted ? std::span<const double>(c.batch.weights) : std::span<const double>();
  copy<double>(c.batch.x.view(), network.batch_input(c.batch.x.rows()));
  Gradients<double> gradients(network);
  Gradients<double> scratch(network);
  const auto loss = [&] {
    const BatchResult r =
        network.gradient(c.batch.labels, weights, weight_decay, scratch.views(), {}, smoothing);
    return r.loss_sum / r.weight_sum + network.penalty(weight_decay);
  };
  const std::vector<double> before = parameters_of(network);
  network.gradient(c.batch.labels, weights, weight_decay, gradients.views(), {}, smoothing);
  REQUIRE(parameters_of(network) == before);

  const auto compare = [&](double& parameter, double analytic, double largest) {
    const double at = parameter;
    const auto loss_at = [&](double steps) {
      parameter = at + steps * kStep;
      const double value = loss();
      parameter = at;
      return value;
    };
    const double numeric =
        (8 * (loss_at(1) - loss_at(-1)) - (loss_at(2) - loss_at(-2))) / (12 * kStep);
    // Entries a thousand times smaller than the largest drown in the rounding of the differences.
    const double size = std::max({std::abs(analytic), std::abs(numeric), largest / 1000});
    const double error = std::abs(analytic - numeric) / size;
    INFO("analytic " << analytic << ", numeric " << numeric << ", relative error " << error);
    CHECK(error <= kTolerance);
  };
  for (index_t l = 0; l < network.layers(); ++l) {
    const LayerView<double> layer = network.layer(l);
    const LayerView<double>& gradient = gradients.layer(l);
    double largest = 0;
    for (index_t i = 0; i < gradient.weights.size(); ++i)
      largest = std::max(largest, std::abs(gradient.weights.data[i]));
    REQUIRE(largest > 1e-4);
    for (index_t i = 0; i < layer.weights.rows; ++i)
      for (index_t j = 0; j < layer.weights.cols; ++j) {
        INFO("layer " << l << ", weight " << i << ", " << j);
        compare(layer.weights(i, j), gradient.weights(i, j), largest);
      }
    for (index_t i = 0; i < layer.bias.size; ++i) {
      INFO("layer " << l << ", bias " << i);
      compare(layer.bias[i], gradient.bias[i], largest);
    }
  }
}

TEST_CASE("analytic gradients equal central differences", "[network][gradient]") {
  for (const auto& backend : test_backends())
    for (const auto& [name, activation] : all_activations())
      for (const bool weighted : {false, true})
        for (const double weight_decay : {0.0, 0.03}) {
          INFO(backend->info().name << ", " << name << ", weighted " << weighted << ", decay "
                                    << weight_decay);
          Case c = make_case(backend, {4, {6, 5}, 3, activation}, 9);
          check_gradient(c, weighted, weight_decay);
        }
}

TEST_CASE("gradients hold for other shapes: no hidden layer, one sample, one class of width",
          "[network][gradient]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const Activation tanh{ActivationKind::tanh};
    SECTION(backend->info().name + ": softmax regression") {
      Case c = make_case(backend, {5, {}, 4, tanh}, 8);
      check_gradient(c, true, 0.1);
    }
    SECTION(backend->info().name + ": one sample") {
      Case c = make_case(backend, {4, {6}, 3, tanh}, 1);
      check_gradient(c, false, 0.05);
    }
    SECTION(backend->info().name + ": one input and one hidden unit") {
      Case c = make_case(backend, {1, {1}, 2, tanh}, 5);
      check_gradient(c, false, 0);
    }
    SECTION(backend->info().name + ": four hidden layers, more samples than a vector") {
      Case c = make_case(backend, {3, {4, 5, 3, 4}, 2, tanh}, 37);
      check_gradient(c, true, 0);
    }
  }
}

TEST_CASE("gradients hold for smoothed labels", "[network][gradient]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Case c = make_case(backend, {4, {6, 5}, 3, {ActivationKind::tanh}}, 9);
    check_gradient(c, true, 0.03, {.label_smoothing = 0.2});
  }
}

TEST_CASE("a smaller batch after a larger one has its own gradient", "[network][gradient]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Case c = make_case(backend, {4, {6}, 3, {ActivationKind::sigmoid}}, 7);
    // Fill the workspace with a full batch that must leave no trace in the partial one.
    const auto full = random_batch<double>(32, 4, 3, 5);
    copy<double>(full.x.view(), c.network.batch_input(32));
    c.network.train_batch(full.labels, {}, {});
    check_gradient(c, true, 0);
  }
}

}  // namespace
}  // namespace lamella::test
