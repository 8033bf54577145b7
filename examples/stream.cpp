// Learns online: each sample of a stream is predicted first, then learned from, one at a time.
//
//   stream < SAMPLES        lines "x,y,label" with label 0 or 1
//   stream --demo [COUNT]   a stream of moons, the labels of which swap in the middle: the network
//                           has to unlearn
//
// Prints the accuracy of the predictions over each tenth of the demo, or at the end of the input.
#include <cstdint>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <lamella/backend_selection.h>
#include <lamella/generators.h>
#include <lamella/network.h>

namespace {

class OnlineClassifier {
 public:
  /// Predicts the class of (x, y), then learns that it is `label`. Returns whether it was
  /// predicted.
  ///
  /// One pass does both: a training step reports what the network thought before its update.
  bool learn(double x, double y, std::int32_t label) {
    const lamella::View<float> input = network_.batch_input(1);
    input(0, 0) = static_cast<float>(x);
    input(0, 1) = static_cast<float>(y);
    return network_.train_batch({&label, 1}, {}, options_).correct == 1;
  }

 private:
  // Steps of one sample are small products, which threads would only slow down.
  lamella::Network<float> network_{{.inputs = 2, .hidden = {16}, .classes = 2},
                                   lamella::make_backend({.name = "simd"})};
  lamella::SgdOptions options_{.learning_rate = 0.05};
};

/// Returns the accuracy over the last tenth.
double demo(lamella::index_t count) {
  OnlineClassifier classifier;
  const lamella::Dataset moons = lamella::make_moons(count, 0.1, 1);
  const lamella::index_t tenth = count / 10;
  lamella::index_t right = 0;
  double accuracy = 0;
  for (lamella::index_t i = 0; i < 10 * tenth; ++i) {
    std::int32_t label = moons.labels()[static_cast<std::size_t>(i)];
    if (i >= 5 * tenth) label = 1 - label;
    right += classifier.learn(moons.value(i, 0), moons.value(i, 1), label);
    if ((i + 1) % tenth == 0) {
      accuracy = static_cast<double>(right) / static_cast<double>(tenth);
      std::cout << "after " << i + 1 << " samples: " << accuracy << std::endl;
      right = 0;
    }
  }
  return accuracy;
}

void learn_from(std::istream& stream) {
  OnlineClassifier classifier;
  std::string line;
  int samples = 0, right = 0;
  while (std::getline(stream, line)) {
    std::istringstream text(line);
    double x = 0, y = 0;
    std::int32_t label = 0;
    char comma1 = 0, comma2 = 0;
    if (!(text >> x >> comma1 >> y >> comma2 >> label) || comma1 != ',' || comma2 != ',' ||
        (label != 0 && label != 1))
      throw std::runtime_error("line " + std::to_string(samples + 1) +
                               " is not x,y,label: " + line);
    right += classifier.learn(x, y, label);
    ++samples;
  }
  std::cout << right << " of " << samples << " predicted\n";
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 1) {
    learn_from(std::cin);
    return 0;
  }
  if (argv[1] != std::string("--demo")) {
    std::cerr << "usage: stream [--demo [COUNT]]\n";
    return 2;
  }
  const long count = argc > 2 ? std::stol(argv[2]) : 20000;
  if (count < 10) throw std::runtime_error("a demo needs at least 10 samples");
  return demo(count) > 0.9 ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "stream: " << error.what() << '\n';
  return 1;
}
