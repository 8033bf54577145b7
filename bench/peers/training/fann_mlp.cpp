// The nearest network that FANN has: sigmoids (it knows no relu and no softmax), squared error,
// and its incremental training, which updates after every sample whatever the batch.
#include <floatfann.h>

#include <cmath>
#include <stdexcept>

#include "bench/peers/training/learner.h"

namespace lamella::peers {
namespace {

class Fann : public Learner {
 public:
  explicit Fann(const Workload& workload) : classes_(workload.layers.back()) {
    if (workload.threads != 1 || workload.optimizer != "sgd")
      throw std::invalid_argument("FANN trains on one thread, without Adam");
    std::vector<unsigned> layers(workload.layers.begin(), workload.layers.end());
    network_ = fann_create_standard_array(static_cast<unsigned>(layers.size()), layers.data());
    if (network_ == nullptr) throw std::runtime_error("FANN could not make the network");
    fann_set_training_algorithm(network_, FANN_TRAIN_INCREMENTAL);
    fann_set_activation_function_hidden(network_, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_function_output(network_, FANN_SIGMOID);
    fann_set_learning_rate(network_, workload.learning_rate);
    fann_randomize_weights(network_, -0.05F, 0.05F);
    target_.resize(static_cast<std::size_t>(classes_));
  }
  ~Fann() override { fann_destroy(network_); }
  Fann(const Fann&) = delete;
  Fann& operator=(const Fann&) = delete;

  std::string version() const override { return "FANN 2.2, sigmoids, batch of one"; }

  double epoch(const Samples& samples, const std::vector<int>& order) override {
    fann_reset_MSE(network_);
    for (const int sample : order) {
      const auto label = static_cast<std::size_t>(samples.labels[static_cast<std::size_t>(sample)]);
      target_[label] = 1;
      fann_train(network_, const_cast<float*>(samples.row(sample)), target_.data());
      target_[label] = 0;
    }
    return static_cast<double>(fann_get_MSE(network_));
  }

  double accuracy(const Samples& samples) override {
    int correct = 0;
    for (int i = 0; i < samples.size(); ++i) {
      const float* scores = fann_run(network_, const_cast<float*>(samples.row(i)));
      int best = 0;
      for (int j = 1; j < classes_; ++j)
        if (scores[j] > scores[best]) best = j;
      correct += best == samples.labels[static_cast<std::size_t>(i)];
    }
    return static_cast<double>(correct) / samples.size();
  }

 private:
  int classes_;
  fann* network_ = nullptr;
  std::vector<float> target_;
};

}  // namespace

std::unique_ptr<Learner> make_learner(const Workload& workload) {
  return std::make_unique<Fann>(workload);
}

}  // namespace lamella::peers
