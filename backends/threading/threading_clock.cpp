// The clocks that adaptive threading reads when it is not under test.
#include "backends/adaptive_threading.h"

namespace lamella::backends {
namespace {

std::uint64_t read_ticks() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

ThreadingClock::Time read_clock() noexcept { return std::chrono::steady_clock::now(); }

}  // namespace

ThreadingClock system_clock() { return {read_clock, read_ticks}; }

}  // namespace lamella::backends
