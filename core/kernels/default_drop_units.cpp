// The default of drop_units. It stands apart from the other defaults, which are compiled without
// exceptions: Random123, whose numbers it uses, throws in functions that nothing calls.
#include <algorithm>
#include <cstdint>

#include <lamella/kernels.h>

#include "core/base/random.h"

namespace lamella {

template <class T>
void Kernels<T>::drop_units(const DropUnits<T>& call) const noexcept {
  constexpr index_t kUnits = 4;  // of a block
  const auto dropped_below = static_cast<std::uint32_t>(call.probability * 0x1p32);
  for (index_t first = 0; first < call.y.cols; first += kUnits) {
    const index_t units = std::min(kUnits, call.y.cols - first);
    const auto block = call.first_block + static_cast<std::uint32_t>(first / kUnits);
    for (index_t s = 0; s < call.y.rows; ++s) {
      const auto sample = static_cast<std::uint32_t>(call.samples[s]);
      const auto words =
          detail::philox_block(call.seed, std::uint64_t{sample} << 32 | block, call.stream);
      for (index_t u = 0; u < units; ++u) {
        const T value = call.x.empty() ? T{1} : call.x(s, first + u);
        call.y(s, first + u) = words[static_cast<std::size_t>(u)] < dropped_below ? T{0} : value;
      }
    }
  }
}

template void Kernels<float>::drop_units(const DropUnits<float>&) const noexcept;
template void Kernels<double>::drop_units(const DropUnits<double>&) const noexcept;

}  // namespace lamella
