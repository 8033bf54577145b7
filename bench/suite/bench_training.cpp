// Whole epochs of training through the public trainer, in samples per second.
//
// The peak of an epoch is the multiply-adds that cannot be avoided (forward, weight gradients, and
// input gradients of all layers but the first) at the multiply-add peak of all threads. Gathering
// batches, softmax, biases and the shuffle are in the time and not in the work.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <lamella/readers.h>
#include <lamella/trainer.h>

#include "bench/suite/benchmarks.h"
#include "bench/workloads/products.h"

namespace lamella::bench {
namespace {

constexpr index_t kSamples = 60000;
constexpr index_t kSide = 28;
constexpr index_t kClasses = 10;

struct Case {
  std::vector<index_t> hidden;
  index_t batch;
  bool adam = false;
};

/// Random bytes in the shape of Fashion-MNIST. The time of an epoch does not depend on the values.
Dataset made_up_images() {
  std::vector<std::uint8_t> pixels(kSamples * kSide * kSide);
  std::uint32_t state = 1;
  for (auto& pixel : pixels) {
    state = state * 1664525U + 1013904223U;
    pixel = static_cast<std::uint8_t>(state >> 24);
  }
  std::vector<std::int32_t> labels(kSamples);
  for (index_t i = 0; i < kSamples; ++i)
    labels[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i % kClasses);
  return {std::move(pixels), {kSide, kSide}, std::move(labels)};
}

/// Loaded when the first benchmark asks, and shared by all.
const Dataset& training_data(const std::optional<std::filesystem::path>& directory) {
  static const Dataset data = directory ? read_mnist_directory(*directory).train : made_up_images();
  return data;
}

double flops_per_sample(const NetworkSpec& spec) {
  std::vector<index_t> widths{spec.inputs};
  widths.insert(widths.end(), spec.hidden.begin(), spec.hidden.end());
  widths.push_back(spec.classes);
  return training_flops(widths);
}

std::string text(const Case& c) {
  std::string name = std::to_string(kSide * kSide);
  for (const index_t units : c.hidden) name += '-' + std::to_string(units);
  return name + '-' + std::to_string(kClasses) + "_b" + std::to_string(c.batch) +
         (c.adam ? "_adam" : "");
}

template <class T>
void train_epochs(benchmark::State& state, const BackendUnderTest& subject, const Case& c,
                  const Dataset& data) {
  const ScopedPin pinned(subject.pin_of_caller());

  const NetworkSpec spec{data.features(), c.hidden, data.classes(), {ActivationKind::relu}};
  Network<T> network(spec, subject.backend);
  const Preprocessing preprocessing = suggest_preprocessing(data);
  TrainOptions options;
  options.epochs = 1;
  options.batch_size = c.batch;
  if (c.adam)
    options.optimizer = AdamOptions{};
  else
    options.optimizer = SgdOptions{.learning_rate = 0.01};

  const auto samples = static_cast<double>(data.samples());
  const double flops = samples * flops_per_sample(spec);
  PeakRatio ratio(subject, fma_peak<T>, 0);
  double seconds = 0;
  for (auto _ : state) {
    const double busy = thread_seconds();
    const auto start = std::chrono::steady_clock::now();
    train(network, data, nullptr, preprocessing, options);
    const std::chrono::duration<double> epoch = std::chrono::steady_clock::now() - start;
    state.PauseTiming();
    state.SetIterationTime(epoch.count());
    seconds += epoch.count();
    ratio.add(flops, epoch.count(), thread_seconds() - busy);
    state.ResumeTiming();
  }
  const auto epochs = static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(epochs * samples));
  state.counters["samples/s"] = epochs * samples / seconds;
  state.counters["GFLOP/s"] = epochs * flops / seconds / 1e9;
  report(state, ratio);
}

template <class T>
void register_type(const BackendUnderTest& subject,
                   const std::optional<std::filesystem::path>& directory) {
  const Case cases[] = {{{128}, 128},      {{512, 256}, 128},         {{512, 256}, 32},
                        {{512, 256}, 512}, {{1024, 1024, 1024}, 128}, {{512, 256}, 128, true}};
  for (const auto& c : cases)
    register_benchmark(
        benchmark_name("training", type_name<T>, subject, directory ? "fashion_mnist" : "synthetic",
                       text(c)),
        [=](Run& run) { train_epochs<T>(run.state, subject, c, training_data(directory)); });
}

}  // namespace

void register_training(const BackendUnderTest& subject,
                       const std::optional<std::filesystem::path>& data) {
  register_type<float>(subject, data);
  register_type<double>(subject, data);
}

}  // namespace lamella::bench
