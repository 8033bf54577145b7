// Layout and initial values of a network's parameters.
#include "core/network/parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/random.h"
#include "core/base/sizes.h"

namespace lamella::detail {

std::vector<index_t> layer_sizes(const NetworkSpec& spec) {
  std::vector<index_t> sizes{spec.inputs};
  sizes.insert(sizes.end(), spec.hidden.begin(), spec.hidden.end());
  sizes.push_back(spec.classes);
  return sizes;
}

template <class T>
Parameters<T>::Parameters(const NetworkSpec& spec) {
  const std::vector<index_t> sizes = layer_sizes(spec);
  // A bias; and of a normalised layer scale, running mean and running variance.
  const auto vectors = [&](std::size_t l) {
    return l + 1 < sizes.size() && spec.normalization != Normalization::none ? 4 : 1;
  };
  index_t total = 0;
  for (std::size_t l = 1; l < sizes.size(); ++l)
    total = checked_sum(total, checked_sum(weights_size<T>(sizes[l], sizes[l - 1]),
                                           checked_product(vectors(l), padded<T>(sizes[l]))));
  storage_ = AlignedArray<T>(total);

  T* next = storage_.data();
  const auto take = [&](index_t units) {
    return VectorView<T>{std::exchange(next, next + padded<T>(units)), units, 1};
  };
  layers_.reserve(sizes.size() - 1);
  for (std::size_t l = 1; l < sizes.size(); ++l) {
    LayerView<T> layer;
    layer.weights = {next, sizes[l], sizes[l - 1], row_stride<T>(sizes[l - 1]), 1};
    next += weights_size<T>(sizes[l], sizes[l - 1]);
    layer.bias = take(sizes[l]);
    if (vectors(l) > 1) {
      layer.scale = take(sizes[l]);
      layer.running_mean = take(sizes[l]);
      layer.running_variance = take(sizes[l]);
    }
    layers_.push_back(layer);
  }
}

template <class T>
void initialize(Parameters<T>& parameters, const Activation& hidden_activation,
                std::uint64_t seed) {
  const bool rectified = hidden_activation.kind == ActivationKind::relu ||
                         hidden_activation.kind == ActivationKind::leaky_relu;
  for (index_t l = 0; l < parameters.layers(); ++l) {
    const LayerView<T> layer = parameters.layer(l);
    const View<T> weights = layer.weights;
    const bool before_softmax = l == parameters.layers() - 1;
    const auto fan_in = static_cast<double>(weights.cols);
    const auto fan_out = static_cast<double>(weights.rows);
    const double limit = std::sqrt(6 / (rectified && !before_softmax ? fan_in : fan_in + fan_out));
    const RandomStream random(seed, RandomPurpose::weights, static_cast<std::uint32_t>(l));
    std::uint64_t drawn = 0;
    for (index_t i = 0; i < weights.rows; ++i)
      for (index_t j = 0; j < weights.cols; ++j)
        weights(i, j) = static_cast<T>(limit * (2 * random.uniform(drawn++) - 1));
    const auto fill = [](VectorView<T> v, T value) { std::fill_n(v.data, v.size, value); };
    fill(layer.bias, 0);
    fill(layer.scale, 1);
    fill(layer.running_mean, 0);
    fill(layer.running_variance, 1);
  }
}

template class Parameters<float>;
template class Parameters<double>;
template void initialize(Parameters<float>&, const Activation&, std::uint64_t);
template void initialize(Parameters<double>&, const Activation&, std::uint64_t);

}  // namespace lamella::detail
