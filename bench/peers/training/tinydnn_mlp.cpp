// The same network in tiny-dnn, with its AVX kernels. Its threads are started anew for every loop,
// which is slower than one thread, so it is measured with one.
#define CNN_SINGLE_THREAD
#define CNN_USE_AVX
#include <limits>
#include <stdexcept>

#include <tiny_dnn/tiny_dnn.h>

#include "bench/peers/training/learner.h"

namespace lamella::peers {
namespace {

template <class Activation>
using FullyConnected = tiny_dnn::fully_connected_layer<Activation>;

class TinyDnnMlp : public Learner {
 public:
  explicit TinyDnnMlp(const Workload& workload) : batch_(static_cast<std::size_t>(workload.batch)) {
    if (workload.threads != 1 || workload.optimizer != "sgd")
      throw std::invalid_argument("tiny-dnn is measured on one thread, without Adam");
    tiny_dnn::set_random_seed(workload.seed);
    const auto& layers = workload.layers;
    for (std::size_t i = 1; i < layers.size(); ++i) {
      const auto inputs = static_cast<tiny_dnn::serial_size_t>(layers[i - 1]);
      const auto units = static_cast<tiny_dnn::serial_size_t>(layers[i]);
      if (i + 1 < layers.size())
        network_ << FullyConnected<tiny_dnn::activation::relu>(inputs, units);
      else
        network_ << FullyConnected<tiny_dnn::activation::softmax>(inputs, units);
    }
    network_.weight_init(tiny_dnn::weight_init::he());
    network_.bias_init(tiny_dnn::weight_init::constant(0));
    network_.init_weight();
    descent_.alpha = workload.learning_rate;
  }

  std::string version() const override { return "tiny-dnn 1.0.0a3, AVX"; }

  double epoch(const Samples& samples, const std::vector<int>& order) override {
    std::vector<tiny_dnn::vec_t> inputs;
    std::vector<tiny_dnn::label_t> labels;
    for (const int sample : order) {
      const float* row = samples.row(sample);
      inputs.emplace_back(row, row + samples.features);
      labels.push_back(
          static_cast<tiny_dnn::label_t>(samples.labels[static_cast<std::size_t>(sample)]));
    }
    network_.train<tiny_dnn::cross_entropy_multiclass>(descent_, inputs, labels, batch_, 1);
    return std::numeric_limits<double>::quiet_NaN();
  }

  double accuracy(const Samples& samples) override {
    int correct = 0;
    for (int i = 0; i < samples.size(); ++i) {
      const float* row = samples.row(i);
      const auto predicted = network_.predict_label(tiny_dnn::vec_t(row, row + samples.features));
      correct += static_cast<int>(predicted) == samples.labels[static_cast<std::size_t>(i)];
    }
    return static_cast<double>(correct) / samples.size();
  }

 private:
  std::size_t batch_;
  tiny_dnn::network<tiny_dnn::sequential> network_;
  tiny_dnn::gradient_descent descent_;
};

}  // namespace

std::unique_ptr<Learner> make_learner(const Workload& workload) {
  return std::make_unique<TinyDnnMlp>(workload);
}

}  // namespace lamella::peers
