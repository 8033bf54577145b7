// Layout and initial values of a network's parameters.
#include "core/parameters.h"

#include <cmath>

#include "core/random.h"
#include "core/sizes.h"

namespace lamella {

std::vector<index_t> layer_sizes(const NetworkSpec& spec) {
  std::vector<index_t> sizes{spec.inputs};
  sizes.insert(sizes.end(), spec.hidden.begin(), spec.hidden.end());
  sizes.push_back(spec.classes);
  return sizes;
}

template <class T>
Parameters<T>::Parameters(const std::vector<index_t>& sizes) {
  index_t total = 0;
  for (std::size_t l = 1; l < sizes.size(); ++l)
    total = checked_sum(total, checked_sum(padded<T>(checked_product(sizes[l], sizes[l - 1])),
                                           padded<T>(sizes[l])));
  storage_ = AlignedArray<T>(total);

  T* next = storage_.data();
  layers_.reserve(sizes.size() - 1);
  for (std::size_t l = 1; l < sizes.size(); ++l) {
    const View<T> weights = row_major(next, sizes[l], sizes[l - 1]);
    next += padded<T>(weights.size());
    layers_.push_back({weights, {next, sizes[l], 1}});
    next += padded<T>(sizes[l]);
  }
}

template <class T>
void initialize(Parameters<T>& parameters, const Activation& hidden_activation,
                std::uint64_t seed) {
  const bool rectified = hidden_activation.kind == ActivationKind::relu ||
                         hidden_activation.kind == ActivationKind::leaky_relu;
  for (index_t l = 0; l < parameters.layers(); ++l) {
    const auto [weights, bias] = parameters.layer(l);
    const bool before_softmax = l == parameters.layers() - 1;
    const auto fan_in = static_cast<double>(weights.cols);
    const auto fan_out = static_cast<double>(weights.rows);
    const double limit = std::sqrt(6 / (rectified && !before_softmax ? fan_in : fan_in + fan_out));
    const RandomStream random(seed, RandomPurpose::weights, static_cast<std::uint32_t>(l));
    for (index_t i = 0; i < weights.size(); ++i)
      weights.data[i] =
          static_cast<T>(limit * (2 * random.uniform(static_cast<std::uint64_t>(i)) - 1));
    for (index_t i = 0; i < bias.size; ++i) bias[i] = 0;
  }
}

template class Parameters<float>;
template class Parameters<double>;
template void initialize(Parameters<float>&, const Activation&, std::uint64_t);
template void initialize(Parameters<double>&, const Activation&, std::uint64_t);

}  // namespace lamella
