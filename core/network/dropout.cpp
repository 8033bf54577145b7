// Counter-based dropout masks.
#include "core/network/dropout.h"

#include <algorithm>
#include <cstdint>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/random.h"

namespace lamella::detail {
namespace {

// Units that share a block of random bits, 32 bits each.
constexpr index_t kUnitsPerBlock = 4;

}  // namespace

void check_dropout(std::string_view where, const Dropout& dropout) {
  if (!(dropout.probability >= 0 && dropout.probability < 1))
    throw ArgumentError(formatted("{}: the dropout probability is {}; it must be in [0, 1)", where,
                                  dropout.probability));
}

template <class T>
void draw_masks(const Dropout& dropout, const std::vector<View<T>>& masks) {
  const RandomStream random(dropout.seed, RandomPurpose::dropout, dropout.epoch);
  const auto dropped_below = static_cast<std::uint64_t>(dropout.probability * 0x1p32);
  std::uint64_t block = 0;  // numbers the blocks of all layers
  for (const View<T>& mask : masks)
    for (index_t first = 0; first < mask.cols; first += kUnitsPerBlock, ++block) {
      const index_t units = std::min(kUnitsPerBlock, mask.cols - first);
      for (index_t s = 0; s < mask.rows; ++s) {
        const auto sample =
            static_cast<std::uint32_t>(dropout.samples[static_cast<std::size_t>(s)]);
        const auto words = random.words(std::uint64_t{sample} << 32 | block);
        const std::uint64_t bits[kUnitsPerBlock] = {words[0] & 0xffffffff, words[0] >> 32,
                                                    words[1] & 0xffffffff, words[1] >> 32};
        for (index_t u = 0; u < units; ++u)
          mask(s, first + u) = bits[u] < dropped_below ? T{0} : T{1};
      }
    }
}

template void draw_masks(const Dropout&, const std::vector<View<float>>&);
template void draw_masks(const Dropout&, const std::vector<View<double>>&);

}  // namespace lamella::detail
