// The training loop allocates nothing once it has seen its batch sizes.
//
// An executable of its own, because it replaces the global operator new.
#include <vector>

#include <lamella/matrix.h>
#include <lamella/trainer.h>

#include "tests/allocation/counting_new.h"
#include "tests/catch.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

Dataset bytes(index_t samples, index_t features) {
  std::vector<std::uint8_t> values;
  std::vector<std::int32_t> labels;
  for (index_t s = 0; s < samples; ++s) {
    labels.push_back(static_cast<std::int32_t>(s % 10));
    for (index_t j = 0; j < features; ++j)
      values.push_back(static_cast<std::uint8_t>(s * 31 + j * 17 + labels.back() * j));
  }
  return Dataset(values, {features}, labels);
}

// What steps differ in.
struct Kind {
  Optimizer optimizer;
  Normalization normalization = Normalization::none;
};

TEST_CASE("counting works", "[allocation]") {
  const long before = allocations();
  std::vector<int> one(1);
  CHECK(allocations() == before + 1);
  AlignedArray<float> two(1);
  CHECK(allocations() == before + 2);
}

TEMPLATE_TEST_CASE("steps allocate nothing once batch sizes are known", "[allocation]", float,
                   double) {
  using T = TestType;
  for (const auto& backend : test_backends())
    for (const Kind& kind : {Kind{SgdOptions{}}, Kind{SgdOptions{.momentum = 0.9}},
                             Kind{AdamOptions{}}, Kind{AdamOptions{}, Normalization::batch}}) {
      INFO(backend->info().name << ", optimiser " << kind.optimizer.index() << ", normalisation "
                                << normalization_name(kind.normalization));
      Network<T> network({70, {90, 40}, 10, {}, kind.normalization}, backend, 1);
      const std::vector<std::int32_t> labels(64, 3);
      const std::vector<T> weights(64, 1);
      Optimizer optimizer = kind.optimizer;
      // Full batches, the last partial one, and a learning rate that falls.
      const auto epoch = [&](double learning_rate) {
        std::visit([&](auto& options) { options.learning_rate = learning_rate; }, optimizer);
        for (const index_t n : {64, 64, 17, kind.normalization == Normalization::batch ? 2 : 1}) {
          const View<T> x = network.batch_input(n);
          for (index_t i = 0; i < x.rows; ++i)
            for (index_t j = 0; j < x.cols; ++j)
              x(i, j) = static_cast<T>(0.01) * static_cast<T>(i - j);
          const std::span<const std::int32_t> y(labels.data(), static_cast<std::size_t>(n));
          network.train_batch(y, {}, optimizer);
          network.train_batch(y, std::span<const T>(weights.data(), y.size()), optimizer);
        }
      };
      epoch(0.1);
      const long before = allocations();
      epoch(0.1);
      epoch(0.05);
      epoch(0.025);
      CHECK(allocations() == before);
    }
}

TEST_CASE("the training loop allocates nothing after its first epoch", "[allocation]") {
  const Dataset data = bytes(100, 30);
  for (const auto& backend : test_backends())
    for (const bool with_all : {false, true}) {
      INFO(backend->info().name << ", schedule, loss, weights, dropout and average: " << with_all);
      Network<float> network({30, {50}, 10}, backend, 1);
      WeightAverage<float> average(network, backend, ExponentialAverage{0.9, 2});
      TrainOptions options;
      options.epochs = 4;
      options.batch_size = 32;
      if (with_all) {
        options.schedule = {CosineSchedule{}, 0.5};
        options.loss.label_smoothing = 0.1;
        options.class_weights = std::vector<double>(10, 2.0);
        options.regularization = {0.001, 2};
        options.hidden_dropout = {0.25};
        options.input_dropout = 0.125;
        options.augmentation = {.shift = 1, .rotation = 10, .image_shape = {5, 6}};
      }
      TrainCallbacks callbacks;
      long after_first = 0;
      long at_end = 0;
      callbacks.on_progress = [&](const Progress& p) {
        if (p.epoch == 1) after_first = allocations();
        at_end = allocations();
      };
      train(network, data, nullptr, {{0}, {1.0 / 255}}, options, callbacks,
            with_all ? &average : nullptr);
      CHECK(at_end == after_first);
    }
}

}  // namespace
}  // namespace lamella::test
