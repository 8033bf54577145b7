// The check of a mini-batch's labels. Its time grows with the samples of a step, so it is compiled
// for speed, unlike the checks of checks.cpp.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/kernels/checks.h"

namespace lamella::detail {

void check_labels(std::string_view where, ConstVectorView<std::int32_t> labels, index_t classes) {
  // Fast path: OR together `label` and `last - label`. The sign bit is set if, and only if, some
  // label is outside [0, last]. Unlike comparisons, every supported compiler vectorises this.
  const auto last = static_cast<std::uint32_t>(std::min(classes, index_t{1} << 31)) - 1;
  const auto bits = [last](std::int32_t label) {
    return static_cast<std::uint32_t>(label) | (last - static_cast<std::uint32_t>(label));
  };
  constexpr std::uint32_t kSign = std::uint32_t{1} << 31;
  std::uint32_t all = labels.stride == 1 ? 0 : kSign;
  if (labels.stride == 1)
    for (const std::int32_t label : std::span(labels.data, static_cast<std::size_t>(labels.size)))
      all |= bits(label);
  if ((all & kSign) == 0) return;
  for (index_t s = 0; s < labels.size; ++s)
    if ((bits(labels[s]) & kSign) != 0)
      throw ArgumentError(
          formatted("{}: label {} of sample {} is out of range; there are {} classes, from 0 to {}",
                    where, labels[s], s, classes, classes - 1));
}

}  // namespace lamella::detail
