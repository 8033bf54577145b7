// Running statistics, scale and bias of a unit become one factor and one summand.
#include "core/network/folded_normalization.h"

#include <cmath>

#include "core/base/sizes.h"

namespace lamella::detail {

template <class T>
FoldedNormalization<T>::FoldedNormalization(const Parameters<T>& parameters)
    : folded_(static_cast<std::size_t>(parameters.layers())) {
  index_t total = 0;
  for (index_t l = 0; l < parameters.layers(); ++l)
    total += 2 * padded<T>(parameters.layer(l).scale.size);
  storage_ = AlignedArray<T>(total);
  T* next = storage_.data();
  for (index_t l = 0; l < parameters.layers(); ++l) {
    const LayerView<T> layer = parameters.layer(l);
    const index_t units = layer.scale.size;
    if (units == 0) continue;
    const VectorView<T> scale{next, units, 1}, shift{next + padded<T>(units), units, 1};
    next += 2 * padded<T>(units);
    for (index_t i = 0; i < units; ++i) {
      scale[i] = layer.scale[i] /
                 std::sqrt(layer.running_variance[i] + static_cast<T>(kNormalizationEpsilon));
      shift[i] = layer.bias[i] - layer.running_mean[i] * scale[i];
    }
    folded_[static_cast<std::size_t>(l)] = {scale, shift};
  }
}

template class FoldedNormalization<float>;
template class FoldedNormalization<double>;

}  // namespace lamella::detail
