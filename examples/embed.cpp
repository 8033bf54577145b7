// Loads a trained model and classifies one sample: what a program that embeds lamella needs.
//
//   embed MODEL.safetensors FEATURE...        for example: embed moons.safetensors 0.5 0.2
#include <exception>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/dataset.h>
#include <lamella/matrix.h>
#include <lamella/model_file.h>

namespace {

/// Class probabilities of one sample, whose features are as they were in the training data.
template <class T>
std::vector<T> classify(const lamella::Network<T>& network, const lamella::ModelInfo& info,
                        const std::vector<double>& features) {
  const auto inputs = static_cast<lamella::index_t>(features.size());
  lamella::Matrix<T> x(1, inputs);
  // The preprocessing that the model was trained with.
  lamella::apply_preprocessing(lamella::row_major(features.data(), 1, inputs), info.preprocessing,
                               x.view());
  lamella::Matrix<T> probabilities(1, network.spec().classes);
  network.predict(x.view(), probabilities.view());
  return {probabilities.data(), probabilities.data() + probabilities.size()};
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: embed MODEL.safetensors FEATURE...\n";
    return 2;
  }
  std::vector<double> features;
  for (int i = 2; i < argc; ++i) features.push_back(std::stod(argv[i]));

  // One backend can serve many models and many threads at once.
  const lamella::Model model = lamella::load_model(argv[1], lamella::make_backend());
  std::visit(
      [&](const auto& network) {
        const auto probabilities = classify(network, model.info, features);
        for (std::size_t c = 0; c < probabilities.size(); ++c)
          std::cout << model.info.class_names[c] << ' ' << probabilities[c] << '\n';
      },
      model.network);
} catch (const std::exception& error) {
  std::cerr << "embed: " << error.what() << '\n';
  return 1;
}
