// Trains on numbers that a program has in its own vectors, and asks the network about new ones.
//
// The made-up task: which of three machines a measurement comes from.
#include <cstdint>
#include <exception>
#include <iostream>
#include <random>
#include <utility>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/dataset.h>
#include <lamella/matrix.h>
#include <lamella/network.h>
#include <lamella/trainer.h>

namespace {

// Voltage, temperature and vibration of each machine, around which its measurements scatter.
constexpr double kMachines[3][3] = {{230, 40, 1.0}, {228, 55, 1.5}, {232, 52, 0.4}};

}  // namespace

int main() try {
  // What the program has: one row of three features per sample, one after the other, and labels.
  std::mt19937 random(7);
  std::normal_distribution<double> scatter;
  std::vector<double> features;
  std::vector<std::int32_t> labels;
  for (int sample = 0; sample < 600; ++sample) {
    const auto& machine = kMachines[sample % 3];
    features.push_back(machine[0] + 1.5 * scatter(random));
    features.push_back(machine[1] + 3.0 * scatter(random));
    features.push_back(machine[2] + 0.2 * scatter(random));
    labels.push_back(sample % 3);
  }

  // The data set takes the vectors over. Volts and millimetres differ in scale, which
  // preprocessing evens out.
  const lamella::Dataset data(std::move(features), {3}, std::move(labels),
                              {"lathe", "mill", "saw"});
  const lamella::Preprocessing preprocessing = lamella::suggest_preprocessing(data);
  lamella::Network<float> network(
      {.inputs = data.features(), .hidden = {16}, .classes = data.classes()},
      lamella::make_backend());
  const auto epochs = lamella::train(
      network, data, nullptr, preprocessing,
      {.epochs = 30, .batch_size = 20, .optimizer = lamella::SgdOptions{.momentum = 0.9}});
  std::cout << "accuracy on the training data: " << epochs.back().train_accuracy << '\n';

  // New measurements go through the same preprocessing.
  const double measured[] = {228.5, 54, 1.4, 231, 53, 0.5};
  lamella::Matrix<float> x(2, 3), probabilities(2, 3);
  lamella::apply_preprocessing(lamella::row_major(measured, 2, 3), preprocessing, x.view());
  network.predict(x.view(), probabilities.view());
  for (int sample = 0; sample < 2; ++sample) {
    std::cout << "measurement " << sample << ':';
    for (int k = 0; k < 3; ++k)
      std::cout << ' ' << data.class_names()[static_cast<std::size_t>(k)] << ' '
                << probabilities(sample, k);
    std::cout << '\n';
  }
  return epochs.back().train_accuracy > 0.95 && probabilities(0, 1) > 0.5f &&
                 probabilities(1, 2) > 0.5f
             ? 0
             : 1;
} catch (const std::exception& error) {
  std::cerr << "from_vectors: " << error.what() << '\n';
  return 1;
}
