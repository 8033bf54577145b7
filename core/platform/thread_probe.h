// Whether more threads can be had, asked before a thread library needs them: the OpenMP runtimes
// end the program if they cannot start a thread, and oneTBB throws in a thread of its own, where
// nothing catches.
//
// The answer holds for the moment: another program may take the last threads right after it.
#ifndef LAMELLA_CORE_PLATFORM_THREAD_PROBE_H_
#define LAMELLA_CORE_PLATFORM_THREAD_PROBE_H_

#include <atomic>
#include <chrono>
#include <cstddef>

namespace lamella::detail {

/// Whether `count` more threads can exist at the same time, with stacks of `stack_bytes` (0: of the
/// size that new threads have), one thread to spare and some memory. Starts them, ends them and
/// waits until the system no longer counts them. No thread is needed if `count` is 0.
bool threads_can_be_had(int count, std::size_t stack_bytes) noexcept;

/// Whether so much memory can be had in one piece.
bool memory_can_be_had(std::size_t bytes) noexcept;

/// After threads could not be had, when to ask for them again: a second later, as asking takes
/// time. May be used by several threads at once.
class ThreadRefusal {
 public:
  static constexpr std::chrono::seconds kLength{1};

  /// Reads no clock where nothing was refused.
  bool is_active() const noexcept {
    const auto until = until_.load(std::memory_order_relaxed);
    return until != 0 && Clock::now().time_since_epoch().count() < until;
  }
  void begin() noexcept {
    until_.store((Clock::now() + kLength).time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::atomic<Clock::rep> until_{0};
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_THREAD_PROBE_H_
