// How a backend may adapt its use of threads to the machine: an option, a clock and a trace.
//
// Part of the contract of backends/, for those who make backends and executors. What the adaptation
// does is in threading/.
#ifndef LAMELLA_BACKENDS_ADAPTIVE_THREADING_H_
#define LAMELLA_BACKENDS_ADAPTIVE_THREADING_H_

#include <chrono>
#include <cstdint>
#include <memory>

#include "backends/executor.h"

namespace lamella::backends {

/// Where adaptive threading gets its time from. Tests pass a clock of their own.
struct ThreadingClock {
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  Time (*now)() noexcept;
  /// A counter of constant rate that is cheaper to read than now(); its unit does not matter.
  std::uint64_t (*ticks)() noexcept;
};

/// The steady clock, and the processor's time-stamp counter where there is one.
ThreadingClock system_clock();

/// A function that shows a line of text to the user. Must not throw.
using ThreadingTrace = void (*)(const char* line) noexcept;

struct ThreadingOptions {
  /// If false, the size of a call alone decides how many threads it gets.
  bool adaptive = true;
  /// Told of every decision and what it is based on; null: no one is.
  ThreadingTrace trace = nullptr;
  ThreadingClock clock = system_clock();
};

/// `inner`, with calls on one thread for a while after its threads came late (see
/// threading/late_team_backoff.h). If options.adaptive is false, `inner` as it is.
std::unique_ptr<Executor> make_adaptive_executor(std::unique_ptr<Executor> inner,
                                                 const ThreadingOptions& options);

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_ADAPTIVE_THREADING_H_
