// A lock for a few instructions that a fork() in the middle of them does not leave locked for ever.
#ifndef LAMELLA_CORE_PLATFORM_FORK_AWARE_LOCK_H_
#define LAMELLA_CORE_PLATFORM_FORK_AWARE_LOCK_H_

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "core/platform/forked_process.h"

namespace lamella::detail {

/// If the thread that held it is not in this process, the next one takes it over. What the lock
/// guards may be half written then, and is repaired first.
class ForkAwareLock {
 public:
  /// The value of body(), called with the lock held; repair() comes first if the lock was taken
  /// over.
  template <class Repair, class Body>
  decltype(auto) hold(const Repair& repair, const Body& body) {
    const std::uint32_t mine = fork_generation() + 1;
    std::uint32_t holder = 0;
    while (!holder_.compare_exchange_weak(holder, mine, std::memory_order_acquire)) {
      if (holder != mine) continue;  // free, or of threads that are gone: taken with this value
      holder = 0;
      sched_yield();
    }
    const Release release{holder_};
    if (holder != 0) repair();
    return body();
  }

 private:
  struct Release {
    std::atomic<std::uint32_t>& holder;
    ~Release() { holder.store(0, std::memory_order_release); }
  };

  std::atomic<std::uint32_t> holder_{0};  // 0: free; else the generation of its holder, plus 1
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_FORK_AWARE_LOCK_H_
