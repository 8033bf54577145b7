// Layout of a network's parameters.
#include "core/network/parameters.h"

#include <algorithm>
#include <utility>

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

template class Parameters<float>;
template class Parameters<double>;

}  // namespace lamella::detail
