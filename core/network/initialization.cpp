// Initial values by the formulas of <lamella/initialization.h>.
#include "core/network/initialization.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "core/base/random.h"

namespace lamella::detail {
namespace {

enum class Distribution { uniform, normal };

// What the numbers of one layer are drawn from.
struct LayerScheme {
  Distribution distribution = Distribution::uniform;
  double size = 0;  // the bound r of uniform numbers, the deviation of normal ones
  bool biases = false;
};

// r² of uniform weights before an activation, or before the softmax: He's, LeCun's or Glorot's.
double squared_bound(std::optional<ActivationKind> activation, double fan_in, double both) {
  if (!activation) return 6 / both;
  switch (*activation) {
    case ActivationKind::identity:
    case ActivationKind::tanh:
    case ActivationKind::sigmoid:
      break;
    case ActivationKind::selu:
      return 3 / fan_in;
    case ActivationKind::relu:
    case ActivationKind::leaky_relu:
    case ActivationKind::gelu:
    case ActivationKind::silu:
    case ActivationKind::elu:
    case ActivationKind::mish:
    case ActivationKind::softplus:
      return 6 / fan_in;
  }
  return 6 / both;
}

// `activation` is that of the layer; nothing before the softmax.
LayerScheme scheme_of(Initialization scheme, std::optional<ActivationKind> activation,
                      double fan_in, double fan_out) {
  const double both = fan_in + fan_out;
  switch (scheme) {
    case Initialization::by_activation:
      return {Distribution::uniform, std::sqrt(squared_bound(activation, fan_in, both))};
    case Initialization::he_uniform:
      return {Distribution::uniform, std::sqrt(6 / fan_in)};
    case Initialization::he_normal:
      return {Distribution::normal, std::sqrt(2 / fan_in)};
    case Initialization::glorot_uniform:
      return {Distribution::uniform, std::sqrt(6 / both)};
    case Initialization::glorot_normal:
      return {Distribution::normal, std::sqrt(2 / both)};
    case Initialization::lecun_normal:
      return {Distribution::normal, std::sqrt(1 / fan_in)};
    case Initialization::torch:
      return {Distribution::uniform, std::sqrt(1 / fan_in), true};
    case Initialization::scikit_learn:
      return {Distribution::uniform,
              std::sqrt((activation == ActivationKind::sigmoid ? 2 : 6) / both), true};
  }
  return {};
}

// Number `index` of a layer: uniform in [-size, size), or normal by the formula of Box and
// Muller.
double drawn(const LayerScheme& scheme, const RandomStream& random, std::uint64_t index) {
  if (scheme.distribution == Distribution::uniform)
    return scheme.size * (2 * random.uniform(index) - 1);
  const auto [first, second] = random.uniform_pair(index);
  return scheme.size * std::sqrt(-2 * std::log1p(-first)) * std::cos(2 * std::numbers::pi * second);
}

}  // namespace

template <class T>
void initialize(Parameters<T>& parameters, const Activation& hidden_activation,
                Initialization scheme, std::uint64_t seed) {
  for (index_t l = 0; l < parameters.layers(); ++l) {
    const LayerView<T> layer = parameters.layer(l);
    const View<T> weights = layer.weights;
    std::optional<ActivationKind> activation;
    if (l + 1 < parameters.layers()) activation = hidden_activation.kind;
    const LayerScheme own = scheme_of(scheme, activation, static_cast<double>(weights.cols),
                                      static_cast<double>(weights.rows));
    const RandomStream random(seed, RandomPurpose::weights, static_cast<std::uint32_t>(l));
    std::uint64_t index = 0;
    for (index_t i = 0; i < weights.rows; ++i)
      for (index_t j = 0; j < weights.cols; ++j)
        weights(i, j) = static_cast<T>(drawn(own, random, index++));
    for (index_t i = 0; i < layer.bias.size; ++i)
      layer.bias[i] = own.biases ? static_cast<T>(drawn(own, random, index++)) : T{0};
    const auto fill = [](VectorView<T> v, T value) { std::fill_n(v.data, v.size, value); };
    fill(layer.scale, 1);
    fill(layer.running_mean, 0);
    fill(layer.running_variance, 1);
  }
}

template void initialize(Parameters<float>&, const Activation&, Initialization, std::uint64_t);
template void initialize(Parameters<double>&, const Activation&, Initialization, std::uint64_t);

}  // namespace lamella::detail
