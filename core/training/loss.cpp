// Class weights that follow from how often classes occur.
#include <algorithm>
#include <cstddef>

#include <lamella/error.h>
#include <lamella/loss.h>

#include "core/base/format.h"

namespace lamella {

using detail::formatted;

std::vector<double> balanced_class_weights(std::span<const std::int32_t> labels, index_t classes) {
  if (labels.empty()) throw ArgumentError("balanced_class_weights: there are no labels");
  std::vector<index_t> counts(static_cast<std::size_t>(std::max<index_t>(classes, 0)));
  for (std::size_t s = 0; s < labels.size(); ++s) {
    if (labels[s] < 0 || labels[s] >= classes)
      throw ArgumentError(
          formatted("balanced_class_weights: sample {} has label {}, which is not one of 0 to {}",
                    s, labels[s], classes - 1));
    ++counts[static_cast<std::size_t>(labels[s])];
  }
  const auto present = counts.size() - static_cast<std::size_t>(std::ranges::count(counts, 0));
  std::vector<double> weights;
  weights.reserve(counts.size());
  for (const index_t count : counts)
    weights.push_back(count == 0 ? 1.0
                                 : static_cast<double>(labels.size()) /
                                       (static_cast<double>(present) * static_cast<double>(count)));
  return weights;
}

}  // namespace lamella
