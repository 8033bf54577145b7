// Cache sizes of this machine, for the blocking policy.
#include "backends/driver/gemm_blocking.h"

#include <unistd.h>

#include <atomic>

namespace lamella::backends {
namespace {

index ask_for_l2() {
#ifdef _SC_LEVEL2_CACHE_SIZE
  const long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
  constexpr long l2 = 0;
#endif
  constexpr index kUsual = 1 << 20;  // of processors with AVX-512: 1 to 2 MiB
  return l2 > 0 ? static_cast<index>(l2) : kUsual;
}

}  // namespace

CacheSizes cache_sizes_of_this_machine() {
  // Not a static variable that the system's answer initialises: a fork meanwhile would leave its
  // guard locked in the child.
  static constinit std::atomic<index> known{0};
  index l2 = known.load(std::memory_order_relaxed);
  if (l2 == 0) {
    l2 = ask_for_l2();
    known.store(l2, std::memory_order_relaxed);
  }
  return {l2};
}

}  // namespace lamella::backends
