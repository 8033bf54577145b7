// The main program of the C++ peers: reads the data, trains, times epochs.
#include "bench/peers/training/learner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <iostream>
#include <numeric>
#include <random>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <lamella/readers.h>

namespace lamella::peers {
namespace {

Samples scaled(const Dataset& data) {
  Samples samples;
  samples.features = static_cast<int>(data.features());
  samples.x.reserve(static_cast<std::size_t>(data.samples() * data.features()));
  for (index_t i = 0; i < data.samples(); ++i)
    for (index_t j = 0; j < data.features(); ++j)
      samples.x.push_back(static_cast<float>(data.value(i, j) / 255.0));
  samples.labels.assign(data.labels().begin(), data.labels().end());
  return samples;
}

int run(int argc, char** argv) {
  Workload workload;
  int epochs = 3;
  std::string directory;
  CLI::App app("Trains a multilayer perceptron and prints a JSON line per epoch.");
  app.add_option("--data", directory, "Directory with MNIST's four files")->required();
  app.add_option("--layers", workload.layers, "Inputs, hidden units, classes")
      ->delimiter(',')
      ->required();
  app.add_option("--batch", workload.batch, "Samples per step")->check(CLI::PositiveNumber);
  app.add_option("--epochs", epochs, "Epochs")->check(CLI::PositiveNumber);
  app.add_option("--threads", workload.threads, "Threads")->check(CLI::PositiveNumber);
  app.add_option("--optimizer", workload.optimizer, "Optimiser")
      ->check(CLI::IsMember({"sgd", "adam"}));
  app.add_option("--learning-rate", workload.learning_rate, "Learning rate");
  app.add_option("--seed", workload.seed, "Seed of weights and shuffles");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const auto learner = make_learner(workload);
  std::cout << nlohmann::json{{"version", learner->version()}} << std::endl;
  const auto split = read_mnist_directory(directory);
  const Samples train = scaled(split.train);
  const Samples test = scaled(split.test.value());

  std::vector<int> order(train.labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 random(workload.seed);
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    std::shuffle(order.begin(), order.end(), random);
    const double loss = learner->epoch(train, order);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    nlohmann::json line{{"epoch", epoch},
                        {"seconds", seconds},
                        {"samples_per_second", train.size() / seconds},
                        {"test_accuracy", learner->accuracy(test)}};
    if (!std::isnan(loss)) line["train_loss"] = loss;
    std::cout << line << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace lamella::peers

int main(int argc, char** argv) {
  try {
    return lamella::peers::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
