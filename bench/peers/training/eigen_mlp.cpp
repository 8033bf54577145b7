// A multilayer perceptron in Eigen, written by hand for speed: samples in
// columns, no temporaries in products, the update of plain gradient descent as one product.
#include <cmath>
#include <random>

#include <Eigen/Core>

#include "bench/peers/training/learner.h"

namespace lamella::peers {
namespace {

using Eigen::ArrayXXf;
using Eigen::MatrixXf;
using Eigen::VectorXf;

/// Adam's moments of one array of parameters.
struct Moments {
  ArrayXXf first, second;
};

struct Layer {
  MatrixXf weights;      // units x inputs
  VectorXf bias;         // units
  MatrixXf activations;  // units x batch
  MatrixXf delta;        // units x batch
  MatrixXf gradient;     // units x inputs, Adam only
  Moments weight_moments, bias_moments;
};

class EigenMlp : public Learner {
 public:
  explicit EigenMlp(const Workload& workload)
      : batch_(workload.batch),
        adam_(workload.optimizer == "adam"),
        learning_rate_(workload.learning_rate) {
    Eigen::setNbThreads(workload.threads);
    std::mt19937 random(workload.seed);
    for (std::size_t i = 1; i < workload.layers.size(); ++i) {
      const int inputs = workload.layers[i - 1], units = workload.layers[i];
      std::normal_distribution<float> normal(0, std::sqrt(2.0F / static_cast<float>(inputs)));
      Layer layer;
      layer.weights = MatrixXf::NullaryExpr(units, inputs, [&] { return normal(random); });
      layer.bias = VectorXf::Zero(units);
      if (adam_) {
        layer.weight_moments = {ArrayXXf::Zero(units, inputs), ArrayXXf::Zero(units, inputs)};
        layer.bias_moments = {ArrayXXf::Zero(units, 1), ArrayXXf::Zero(units, 1)};
      }
      layers_.push_back(std::move(layer));
    }
  }

  std::string version() const override {
    return "Eigen " + std::to_string(EIGEN_WORLD_VERSION) + '.' +
           std::to_string(EIGEN_MAJOR_VERSION) + '.' + std::to_string(EIGEN_MINOR_VERSION) + ", " +
           Eigen::SimdInstructionSetsInUse();
  }

  double epoch(const Samples& samples, const std::vector<int>& order) override {
    double loss = 0;
    const int total = samples.size();
    for (int first = 0; first < total; first += batch_) {
      const int count = std::min(batch_, total - first);
      input_.resize(samples.features, count);
      labels_.resize(static_cast<std::size_t>(count));
      for (int j = 0; j < count; ++j) {
        const int sample = order[static_cast<std::size_t>(first + j)];
        input_.col(j) = Eigen::Map<const VectorXf>(samples.row(sample), samples.features);
        labels_[static_cast<std::size_t>(j)] = samples.labels[static_cast<std::size_t>(sample)];
      }
      loss += step();
    }
    return loss / total;
  }

  double accuracy(const Samples& samples) override {
    int correct = 0;
    constexpr int kChunk = 1000;
    for (int first = 0; first < samples.size(); first += kChunk) {
      const int count = std::min(kChunk, samples.size() - first);
      input_ = Eigen::Map<const MatrixXf>(samples.row(first), samples.features, count);
      forward();
      for (int j = 0; j < count; ++j) {
        Eigen::Index predicted = 0;
        layers_.back().activations.col(j).maxCoeff(&predicted);
        correct += predicted == samples.labels[static_cast<std::size_t>(first + j)];
      }
    }
    return static_cast<double>(correct) / samples.size();
  }

 private:
  const MatrixXf& input_of(std::size_t i) const {
    return i == 0 ? input_ : layers_[i - 1].activations;
  }

  /// Leaves logits in the last layer.
  void forward() {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      auto& [weights, bias, activations, delta, gradient, wm, bm] = layers_[i];
      activations.noalias() = weights * input_of(i);
      if (i + 1 < layers_.size())
        activations = (activations.colwise() + bias).cwiseMax(0.0F);
      else
        activations.colwise() += bias;
    }
  }

  /// Trains on the batch in input_ and labels_; returns the sum of its losses.
  double step() {
    forward();
    auto& output = layers_.back();
    const auto count = output.activations.cols();
    output.delta.resizeLike(output.activations);
    double loss = 0;
    for (Eigen::Index j = 0; j < count; ++j) {
      auto logits = output.activations.col(j).array();
      auto delta = output.delta.col(j).array();
      delta = (logits - logits.maxCoeff()).exp();
      delta /= delta.sum();
      const int label = labels_[static_cast<std::size_t>(j)];
      loss -= std::log(std::max(delta(label), 1e-30F));
      delta(label) -= 1;
    }
    output.delta /= static_cast<float>(count);

    ++steps_;
    for (std::size_t i = layers_.size(); i-- > 0;) {
      auto& layer = layers_[i];
      if (i > 0) {
        auto& below = layers_[i - 1];
        below.delta.noalias() = layer.weights.transpose() * layer.delta;
        below.delta.array() *= (below.activations.array() > 0).cast<float>();
      }
      if (adam_) {
        layer.gradient.noalias() = layer.delta * input_of(i).transpose();
        adam(layer.gradient.array(), layer.weight_moments, layer.weights);
        adam(layer.delta.rowwise().sum().array(), layer.bias_moments, layer.bias);
      } else {
        layer.weights.noalias() -= learning_rate_ * layer.delta * input_of(i).transpose();
        layer.bias -= learning_rate_ * layer.delta.rowwise().sum();
      }
    }
    return loss;
  }

  template <class Gradient, class Parameters>
  void adam(const Gradient& gradient, Moments& moments, Parameters& parameters) const {
    constexpr float kBeta1 = 0.9F, kBeta2 = 0.999F, kEpsilon = 1e-8F;
    const auto t = static_cast<float>(steps_);
    const float rate = learning_rate_ / (1 - std::pow(kBeta1, t));
    const float correction = 1 / std::sqrt(1 - std::pow(kBeta2, t));
    moments.first = kBeta1 * moments.first + (1 - kBeta1) * gradient;
    moments.second = kBeta2 * moments.second + (1 - kBeta2) * gradient.square();
    parameters.array() -= rate * moments.first / (correction * moments.second.sqrt() + kEpsilon);
  }

  int batch_;
  bool adam_;
  float learning_rate_;
  long steps_ = 0;
  MatrixXf input_;  // features x batch
  std::vector<int> labels_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Learner> make_learner(const Workload& workload) {
  return std::make_unique<EigenMlp>(workload);
}

}  // namespace lamella::peers
