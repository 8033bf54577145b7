// Whether the threads of a team come when they are called: on a processor that others use, they may
// be milliseconds late, which is a hundred steps of a small network.
//
// A team (team.h) does the work without those who are late, but a parallel region ends only when
// all of them have been there; and threads that share one processor keep their leader from it. So
// the leader tells how long it waited around its work, and works alone for a while if that was
// long.
#ifndef LAMELLA_BACKENDS_THREADING_LATE_TEAM_BACKOFF_H_
#define LAMELLA_BACKENDS_THREADING_LATE_TEAM_BACKOFF_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace lamella::backends {

/// May be used by several threads at once; what one of them learns holds for all.
class LateTeamBackoff {
 public:
  using Clock = std::chrono::steady_clock;

  /// A thread that has a processor is there in 1 us, one that must be woken in 50; one that waits
  /// for its share of a processor takes 1 to 10 ms.
  static constexpr std::chrono::nanoseconds kLate = std::chrono::microseconds(300);

  /// Times the wait: so many times as long, the leader works alone, and each time twice as many,
  /// until they are punctual again. Trying costs 1/8 at first, and soon next to nothing.
  static constexpr std::int64_t kFirstFactor = 8, kLargestFactor = 512;
  /// But not longer than this, so that processors that are free again are used.
  static constexpr std::chrono::nanoseconds kLongestAlone = std::chrono::seconds(2);

  /// Whether it is worth calling a team at this time.
  bool worth_calling(Clock::time_point now) const noexcept {
    return now.time_since_epoch().count() >= alone_until_.load(std::memory_order_relaxed);
  }

  /// Until `now`, the leader of a team has spent this long not working: from calling it to being
  /// let begin, and from being done to everybody's end.
  void waited(Clock::duration time, Clock::time_point now) noexcept {
    if (time < kLate) {
      if (factor_.load(std::memory_order_relaxed) != kFirstFactor)
        factor_.store(kFirstFactor, std::memory_order_relaxed);
      return;
    }
    const std::int64_t factor = factor_.load(std::memory_order_relaxed);
    factor_.store(std::min(2 * factor, kLargestFactor), std::memory_order_relaxed);
    const Clock::duration alone = std::min<Clock::duration>(
        factor * std::min<Clock::duration>(time, kLongestAlone), kLongestAlone);
    alone_until_.store((now + alone).time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  std::atomic<Clock::rep> alone_until_{0};
  std::atomic<std::int64_t> factor_{kFirstFactor};
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_LATE_TEAM_BACKOFF_H_
