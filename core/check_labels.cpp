// The check of a mini-batch's labels, whose time grows with the samples of a step: compiled for
// speed, unlike those of checks.cpp. 6 % of a step of 2-10-2 on 1000 samples.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <lamella/error.h>

#include "core/checks.h"
#include "core/format.h"

namespace lamella {

void check_labels(std::string_view where, ConstVectorView<std::int32_t> labels, index_t classes) {
  // First whether any is out of range, which compilers vectorise; then which.
  const auto limit = static_cast<std::uint32_t>(std::min(classes, index_t{1} << 31));
  const auto outside = [limit](std::int32_t label) {
    return static_cast<std::uint32_t>(label) >= limit;
  };
  bool any = labels.stride != 1;
  if (labels.stride == 1)
    for (const std::int32_t label : std::span(labels.data, static_cast<std::size_t>(labels.size)))
      any |= outside(label);
  for (index_t s = 0; any && s < labels.size; ++s)
    if (outside(labels[s]))
      throw ArgumentError(
          formatted("{}: label {} of sample {} is out of range; there are {} classes, from 0 to {}",
                    where, labels[s], s, classes, classes - 1));
}

}  // namespace lamella
