// Cache sizes of this machine, for the blocking policy.
#include "backends/driver/gemm_blocking.h"

#include <unistd.h>

namespace lamella::backends {

CacheSizes cache_sizes_of_this_machine() {
#ifdef _SC_LEVEL2_CACHE_SIZE
  static const long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
  constexpr long l2 = 0;
#endif
  constexpr index kUsual = 1 << 20;  // of processors with AVX-512: 1 to 2 MiB
  return {l2 > 0 ? static_cast<index>(l2) : kUsual};
}

}  // namespace lamella::backends
