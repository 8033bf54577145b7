// Helpers of the network's tests: random mini-batches, and the mathematics of the network in long
// double.
//
// The reference follows docs/math.md sample by sample and shares no code with the library.
#ifndef LAMELLA_TESTS_NETWORK_FIXTURES_H_
#define LAMELLA_TESTS_NETWORK_FIXTURES_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <lamella/activation.h>
#include <lamella/matrix.h>
#include <lamella/network.h>

namespace lamella::test {

/// Uniform in [-1, 1), from the raw bits of a generator that is the same everywhere.
class Uniform {
 public:
  explicit Uniform(std::uint64_t seed) : bits_(seed) {}
  double operator()() { return static_cast<double>(bits_() >> 11) * 0x1p-52 - 1; }
  std::int32_t below(index_t bound) {
    return static_cast<std::int32_t>(bits_() % static_cast<std::uint64_t>(bound));
  }

 private:
  std::mt19937_64 bits_;
};

template <class T>
struct Batch {
  Matrix<T> x;                       // [samples, inputs]
  std::vector<std::int32_t> labels;  // each class in turn, then random
  std::vector<T> weights;            // in [0.25, 1.75)

  std::span<const std::int32_t> label_span() const { return labels; }
};

template <class T>
Batch<T> random_batch(index_t samples, index_t inputs, index_t classes, std::uint64_t seed) {
  Uniform uniform(seed);
  Batch<T> batch{Matrix<T>(samples, inputs), {}, {}};
  for (T& value : batch.x.values()) value = static_cast<T>(2 * uniform());
  for (index_t s = 0; s < samples; ++s) {
    batch.labels.push_back(s < classes ? static_cast<std::int32_t>(s) : uniform.below(classes));
    batch.weights.push_back(static_cast<T>(1 + 0.75 * uniform()));
  }
  return batch;
}

template <class T>
void copy(ConstView<T> from, View<T> to) {
  for (index_t i = 0; i < from.rows; ++i)
    for (index_t j = 0; j < from.cols; ++j) to(i, j) = from(i, j);
}

/// Gives a network's zero biases values too, so that a forgotten bias shows.
template <class T>
void randomize_biases(Network<T>& network, std::uint64_t seed) {
  Uniform uniform(seed);
  for (index_t l = 0; l < network.layers(); ++l) {
    const VectorView<T> bias = network.layer(l).bias;
    for (index_t i = 0; i < bias.size; ++i) bias[i] = static_cast<T>(0.5 * uniform());
  }
}

/// All weights, biases, scales and running statistics, layer by layer.
template <class T>
std::vector<T> parameters_of(const Network<T>& network) {
  std::vector<T> all;
  for (index_t l = 0; l < network.layers(); ++l) {
    const LayerView<const T> layer = network.layer(l);
    for (index_t i = 0; i < layer.weights.rows; ++i)
      for (index_t j = 0; j < layer.weights.cols; ++j) all.push_back(layer.weights(i, j));
    for (const auto& v : {layer.bias, layer.scale, layer.running_mean, layer.running_variance})
      for (index_t i = 0; i < v.size; ++i) all.push_back(v[i]);
  }
  return all;
}

/// Memory for the gradients of a network.
template <class T>
class Gradients {
 public:
  explicit Gradients(const Network<T>& network) {
    for (index_t l = 0; l < network.layers(); ++l) {
      const LayerView<const T> layer = network.layer(l);
      weights_.emplace_back(layer.weights.rows, layer.weights.cols);
      biases_.emplace_back(1, layer.bias.size);
      scales_.emplace_back(1, layer.scale.size);
    }
    for (std::size_t l = 0; l < weights_.size(); ++l)
      views_.push_back({weights_[l].view(), row(biases_[l].view(), 0), row(scales_[l].view(), 0)});
  }
  std::span<const LayerView<T>> views() const { return views_; }
  const LayerView<T>& layer(index_t l) const { return views_[static_cast<std::size_t>(l)]; }

 private:
  std::vector<Matrix<T>> weights_;
  std::vector<Matrix<T>> biases_, scales_;
  std::vector<LayerView<T>> views_;
};

inline long double reference_activation(const Activation& f, long double z) {
  switch (f.kind) {
    case ActivationKind::identity:
      return z;
    case ActivationKind::relu:
      return z > 0 ? z : 0;
    case ActivationKind::leaky_relu:
      return z > 0 ? z : static_cast<long double>(f.slope) * z;
    case ActivationKind::tanh:
      return std::tanh(z);
    case ActivationKind::sigmoid:
      return 1 / (1 + std::exp(-z));
    case ActivationKind::gelu:
      return z * (1 + std::erf(z / std::sqrt(2.0L))) / 2;
    case ActivationKind::silu:
      return z / (1 + std::exp(-z));
    case ActivationKind::selu:
      return 1.0507009873554804935L * (z > 0 ? z : 1.6732632423543772848L * std::expm1(z));
    case ActivationKind::elu:
      return z > 0 ? z : std::expm1(z);
    case ActivationKind::mish:
      return z * std::tanh(std::log1p(std::exp(z)));
    case ActivationKind::softplus:
      return std::log1p(std::exp(z));
  }
  return std::numeric_limits<long double>::quiet_NaN();
}

/// The masks that dropout draws for a mini-batch, and which of its samples is looked at.
struct ReferenceMasks {
  const std::vector<Matrix<double>>& layers;  ///< [samples, units] of each hidden layer
  double probability = 0;                     ///< of dropping a unit
  index_t sample = 0;

  long double factor(index_t layer, index_t unit) const {
    return layers[static_cast<std::size_t>(layer)](sample, unit) /
           (1 - static_cast<long double>(probability));
  }
};

/// The forward pass of one sample, with dropout if masks are given. Batch normalisation is that of
/// prediction.
struct Reference {
  std::vector<long double> probabilities;
  /// Distance of the hidden units' inputs from 0, the least one: the distance from a kink.
  long double margin = std::numeric_limits<long double>::infinity();

  template <class T>
  Reference(const Network<T>& network, ConstVectorView<T> x,
            const std::optional<ReferenceMasks>& masks = std::nullopt) {
    std::vector<long double> a;
    for (index_t i = 0; i < x.size; ++i) a.push_back(x[i]);
    for (index_t l = 0; l < network.layers(); ++l) {
      const LayerView<const T> layer = network.layer(l);
      const auto& weights = layer.weights;
      std::vector<long double> z;
      for (index_t i = 0; i < weights.rows; ++i) {
        z.push_back(0);
        for (index_t j = 0; j < weights.cols; ++j)
          z.back() += static_cast<long double>(weights(i, j)) * a[static_cast<std::size_t>(j)];
        if (!layer.running_mean.empty())
          z.back() = layer.scale[i] * (z.back() - layer.running_mean[i]) /
                     std::sqrt(layer.running_variance[i] + 1e-5L);
        z.back() += layer.bias[i];
      }
      if (l + 1 == network.layers()) {
        a = z;
        break;
      }
      for (index_t i = 0; i < weights.rows; ++i) {
        long double& value = z[static_cast<std::size_t>(i)];
        margin = std::min(margin, std::abs(value));
        value = reference_activation(network.spec().activation, value);
        if (masks) value *= masks->factor(l, i);
      }
      a = z;
    }
    const long double largest = *std::max_element(a.begin(), a.end());
    long double sum = 0;
    for (const long double z : a) sum += std::exp(z - largest);
    for (const long double z : a) probabilities.push_back(std::exp(z - largest) / sum);
  }

  long double loss(std::int32_t label) const {
    return -std::log(probabilities[static_cast<std::size_t>(label)]);
  }
  index_t prediction() const {
    return std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
  }
};

/// The activations under test, with names for messages.
struct ActivationCase {
  std::string name;
  Activation activation;
};
inline std::vector<ActivationCase> all_activations() {
  std::vector<ActivationCase> cases;
  for (const NamedActivation& known : kActivations)
    cases.push_back({known.name, {known.kind, /*slope=*/0.1}});
  return cases;
}

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_NETWORK_FIXTURES_H_
