// How long to do without a team of threads after it came late.
//
// On a processor that other processes use, a thread may get to run milliseconds after it is called,
// which is a hundred steps of a small network. A parallel region ends only when all its threads
// have been there, so one late thread makes the whole call late. Not here: how lateness is measured
// (adaptive_executor.h).
#ifndef LAMELLA_BACKENDS_THREADING_LATE_TEAM_BACKOFF_H_
#define LAMELLA_BACKENDS_THREADING_LATE_TEAM_BACKOFF_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace lamella::backends {

/// Exponential back-off. May be used by several threads at once; what one learns holds for all.
class LateTeamBackoff {
 public:
  using Clock = std::chrono::steady_clock;

  /// Waits from this on count as late. A thread that has a processor arrives within 1 us, one that
  /// must be woken within 50 us; one that waits for its share of a processor takes 1 ms or more.
  static constexpr Clock::duration kLate = std::chrono::microseconds(300);

  /// After a wait of t, the back-off lasts factor x t. The factor doubles with each late team and
  /// is halved by each team on time: trying a team costs 1/8 of the time at first, and soon less.
  static constexpr std::int64_t kFirstFactor = 8, kLargestFactor = 512;
  /// The longest back-off, so that processors that are free again are used soon.
  static constexpr Clock::duration kLongest = std::chrono::seconds(2);

  /// Whether no team has been late recently. Nothing needs to read a clock then.
  bool is_idle() const noexcept {
    return until_.load(std::memory_order_relaxed) == 0 &&
           factor_.load(std::memory_order_relaxed) == kFirstFactor;
  }

  /// Whether a back-off has begun and no team has been on time since. If not, none is active.
  bool is_armed() const noexcept { return until_.load(std::memory_order_relaxed) != 0; }
  /// Whether calls are to do without a team.
  bool is_active(Clock::time_point now) const noexcept {
    return now.time_since_epoch().count() < until_.load(std::memory_order_relaxed);
  }

  /// A call has just waited this long for its team. Returns how long the back-off lasts from now.
  Clock::duration late(Clock::duration waited, Clock::time_point now) noexcept {
    const std::int64_t factor = factor_.load(std::memory_order_relaxed);
    factor_.store(std::min(2 * factor, kLargestFactor), std::memory_order_relaxed);
    const Clock::duration length = std::min(factor * std::min(waited, kLongest), kLongest);
    until_.store((now + length).time_since_epoch().count(), std::memory_order_relaxed);
    return length;
  }

  /// A team was on time. Returns whether that ends a back-off; one that another thread has begun
  /// meanwhile goes on.
  bool on_time(Clock::time_point now) noexcept {
    if (is_active(now)) return false;
    const bool ends = until_.exchange(0, std::memory_order_relaxed) != 0;
    const std::int64_t factor = factor_.load(std::memory_order_relaxed);
    factor_.store(std::max(factor / 2, kFirstFactor), std::memory_order_relaxed);
    return ends;
  }

 private:
  std::atomic<Clock::rep> until_{0};  // 0: no back-off since a team was on time
  std::atomic<std::int64_t> factor_{kFirstFactor};
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_LATE_TEAM_BACKOFF_H_
