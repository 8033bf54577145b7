// What every C++ peer trains, and the main program that times it, epoch by epoch.
//
// A peer (eigen_mlp.cpp, ...) implements Learner and make_learner; learner.cpp has main(), which
// prints the same JSON lines as `lamella train --log` writes, after a line that names the peer.
#ifndef LAMELLA_BENCH_PEERS_TRAINING_LEARNER_H_
#define LAMELLA_BENCH_PEERS_TRAINING_LEARNER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lamella::peers {

struct Workload {
  std::vector<int> layers;  ///< inputs, hidden units, classes
  int batch = 128;
  int threads = 1;
  std::string optimizer = "sgd";  ///< or adam
  float learning_rate = 0.1F;
  std::uint32_t seed = 1;
};

/// Samples in rows, features scaled to [0, 1].
struct Samples {
  int features = 0;
  std::vector<float> x;  ///< size() x features
  std::vector<int> labels;

  int size() const { return static_cast<int>(labels.size()); }
  const float* row(int sample) const {
    return x.data() + static_cast<std::size_t>(sample) * static_cast<std::size_t>(features);
  }
};

/// A multilayer perceptron with relu between layers, softmax and cross-entropy at the end.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual std::string version() const = 0;
  /// Trains on the samples in that order, batch by batch; returns the mean loss, NaN if not known.
  virtual double epoch(const Samples& samples, const std::vector<int>& order) = 0;
  /// The fraction of samples classified correctly.
  virtual double accuracy(const Samples& samples) = 0;
};

/// The peer of this executable. Throws std::exception if it cannot train this.
std::unique_ptr<Learner> make_learner(const Workload& workload);

}  // namespace lamella::peers

#endif  // LAMELLA_BENCH_PEERS_TRAINING_LEARNER_H_
