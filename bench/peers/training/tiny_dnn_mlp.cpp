// The same network in tiny-dnn, over its own interface, with OpenMP for more than one thread.
#define CNN_USE_OMP
#define CNN_USE_AVX
#include <omp.h>
#include <tiny_dnn/tiny_dnn.h>

#include <limits>
#include <stdexcept>

#include "bench/peers/training/workload.h"

namespace lamella::peers {
namespace {

using Labels = std::vector<tiny_dnn::label_t>;
using Inputs = std::vector<tiny_dnn::vec_t>;

class TinyDnn : public Learner {
 public:
  explicit TinyDnn(const Workload& workload)
      : batch_(static_cast<std::size_t>(workload.batch)), adam_(workload.optimizer == "adam") {
    omp_set_num_threads(workload.threads);
    sgd_optimizer_.alpha = workload.learning_rate;
    adam_optimizer_.alpha = workload.learning_rate;
    const auto& layers = workload.layers;
    for (std::size_t i = 1; i < layers.size(); ++i) {
      const auto inputs = static_cast<tiny_dnn::serial_size_t>(layers[i - 1]);
      const auto units = static_cast<tiny_dnn::serial_size_t>(layers[i]);
      if (i + 1 < layers.size())
        network_ << tiny_dnn::fully_connected_layer<tiny_dnn::relu>(inputs, units);
      else
        network_ << tiny_dnn::fully_connected_layer<tiny_dnn::softmax>(inputs, units);
    }
  }

  std::string version() const override { return "tiny-dnn 1.0.0a3"; }

  double epoch(const Samples& samples, const std::vector<int>& order) override {
    if (inputs_.empty()) convert(samples, inputs_, labels_);
    // Which sample stands where changes from epoch to epoch; only pointers are moved.
    Inputs inputs(order.size());
    Labels labels(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto from = static_cast<std::size_t>(order[i]);
      inputs[i] = std::move(inputs_[from]);
      labels[i] = labels_[from];
    }
    inputs_ = std::move(inputs);
    labels_ = std::move(labels);
    if (adam_)
      train(adam_optimizer_);
    else
      train(sgd_optimizer_);
    return std::numeric_limits<double>::quiet_NaN();
  }

  double accuracy(const Samples& samples) override {
    Inputs inputs;
    Labels labels;
    convert(samples, inputs, labels);
    return network_.test(inputs, labels).accuracy() / 100;
  }

 private:
  static void convert(const Samples& samples, Inputs& inputs, Labels& labels) {
    for (int i = 0; i < samples.size(); ++i) {
      inputs.emplace_back(samples.row(i), samples.row(i) + samples.features);
      labels.push_back(static_cast<tiny_dnn::label_t>(samples.labels[static_cast<std::size_t>(i)]));
    }
  }

  template <class Optimizer>
  void train(Optimizer& optimizer) {
    network_.train<tiny_dnn::cross_entropy_multiclass>(
        optimizer, inputs_, labels_, batch_, 1, [] {}, [] {}, !started_);
    started_ = true;
  }

  std::size_t batch_;
  bool adam_;
  bool started_ = false;
  tiny_dnn::network<tiny_dnn::sequential> network_;
  tiny_dnn::gradient_descent sgd_optimizer_;
  tiny_dnn::adam adam_optimizer_;
  Inputs inputs_;
  Labels labels_;
};

}  // namespace

std::unique_ptr<Learner> make_learner(const Workload& workload) {
  return std::make_unique<TinyDnn>(workload);
}

}  // namespace lamella::peers
