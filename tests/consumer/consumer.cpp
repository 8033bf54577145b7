// What a user's first program does: lists the backends, trains a small network with each.
//
// Arguments: the names of the backends that the library was built with. Exits 1 if it has lost one
// of them or has one more, or if a network does not learn.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/generators.h>
#include <lamella/network.h>
#include <lamella/trainer.h>

namespace {

using Names = std::vector<std::string>;

bool compiled_backends_are(const Names& expected) {
  Names compiled;
  for (const auto& backend : lamella::list_backends()) {
    if (backend.compiled) compiled.push_back(backend.name);
    std::printf("%s: %s\n", backend.name.c_str(), backend.reason.c_str());
  }
  const bool same =
      std::is_permutation(compiled.begin(), compiled.end(), expected.begin(), expected.end());
  if (!same) std::fprintf(stderr, "consumer: not the backends this library was built with\n");
  return same;
}

bool learns_with(const std::string& backend) {
  // with_columns is a member for rvalues alone, whose mangled name begins unlike others.
  const auto moons =
      lamella::make_moons(200, 0.1, 1).with_columns({.features = {"x", "y"}, .label = "moon"});
  const lamella::NetworkSpec spec{.inputs = 2, .hidden = {10}, .classes = 2};
  lamella::Network<float> network(spec, lamella::make_backend({.name = backend}));
  lamella::TrainOptions options;
  options.epochs = 100;
  options.batch_size = 20;
  options.optimizer = lamella::SgdOptions{.learning_rate = 0.5};
  const auto epochs = lamella::train(network, moons, nullptr, {}, options);
  std::printf("%s: accuracy %.3f\n", backend.c_str(), epochs.back().train_accuracy);
  return epochs.back().train_accuracy >= 0.97;
}

}  // namespace

int main(int argc, char** argv) {
  const Names expected(argv + 1, argv + argc);
  try {
    if (!compiled_backends_are(expected)) return 1;
    return std::all_of(expected.begin(), expected.end(), learns_with) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    return 1;
  }
}
