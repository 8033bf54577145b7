// Whether a team of threads pays for a piece of work, found out by measuring: what it costs to move
// data between the caches of cores depends on the machine and on its other users, and no count of
// flops says it.
//
// Results have the same bits in either mode. Not here: whether threads come in time
// (late_team_backoff.h), and which work a tuner is for (product_tuners.h, plan_tuners.h).
#ifndef LAMELLA_BACKENDS_THREADING_THREADING_TUNER_H_
#define LAMELLA_BACKENDS_THREADING_THREADING_TUNER_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace lamella::backends {

enum class ThreadingMode : std::uint8_t { single_threaded, team };

/// How the next run is to go, and whether to tell the tuner how long it took.
struct ThreadingChoice {
  ThreadingMode mode;
  bool timed;
};

/// What a tuner has found: the faster mode, its time, and the time of the other mode.
struct ThreadingDecision {
  ThreadingMode mode;
  std::chrono::steady_clock::duration time, other_time;
};

/// The tuner of one piece of work. Now and then it has a few runs made and timed in each of the two
/// modes, and keeps to the faster mode for a while. Not for several threads at once.
class ThreadingTuner {
 public:
  using Clock = std::chrono::steady_clock;

  /// Runs of a series. The first ones are not counted: they find their data in the caches that the
  /// other mode has used. The median of the others stands for the series.
  static constexpr int kUncounted = 3, kCounted = 9;
  /// A decision holds for factor x (time lost in measuring the slower mode). The factor starts at
  /// 64, which loses 1/64 of the time, and doubles whenever measuring again confirms the decision.
  static constexpr std::int64_t kFirstFactor = 64, kLargestFactor = 4096;
  static constexpr Clock::duration kShortest = std::chrono::milliseconds(20);
  static constexpr Clock::duration kLongest = std::chrono::seconds(1);

  /// How the next run is to go. If it is timed, record() is to follow.
  ThreadingChoice choose(Clock::time_point now) noexcept {
    if (is_settled_ && now >= settled_until_) {
      is_settled_ = false;
      is_first_series_ = true;
      runs_ = 0;
    }
    return {mode(), !is_settled_};
  }

  /// A run has taken this long. Returns a decision if this run leads to the first one or to another
  /// one than before.
  std::optional<ThreadingDecision> record(ThreadingMode mode_of_run, Clock::duration time,
                                          Clock::time_point now) noexcept {
    if (is_settled_ || mode_of_run != mode() || runs_++ < kUncounted) return std::nullopt;
    times_[static_cast<std::size_t>(runs_ - kUncounted - 1)] = time;
    if (runs_ < kUncounted + kCounted) return std::nullopt;
    runs_ = 0;
    const auto median = times_.begin() + kCounted / 2;
    std::nth_element(times_.begin(), median, times_.end());
    if (is_first_series_) {
      kept_time_ = *median;
      is_first_series_ = false;
      return std::nullopt;
    }
    return settle(*median, now);
  }

 private:
  // The first series is of the mode kept so far, the second of the other mode.
  ThreadingMode mode() const noexcept {
    return is_settled_ || is_first_series_ ? kept_ : other(kept_);
  }
  static ThreadingMode other(ThreadingMode mode) noexcept {
    return mode == ThreadingMode::team ? ThreadingMode::single_threaded : ThreadingMode::team;
  }

  std::optional<ThreadingDecision> settle(Clock::duration other_time,
                                          Clock::time_point now) noexcept {
    const bool changes = other_time < kept_time_;
    const bool is_new = changes || !has_decided_;
    if (changes) {
      kept_ = other(kept_);
      std::swap(kept_time_, other_time);
    }
    factor_ = changes ? kFirstFactor : std::min(2 * factor_, kLargestFactor);
    const Clock::duration lost = (kUncounted + kCounted) * (other_time - kept_time_);
    settled_until_ = now + std::clamp(factor_ * std::min(lost, kLongest), kShortest, kLongest);
    is_settled_ = has_decided_ = true;
    if (!is_new) return std::nullopt;
    return ThreadingDecision{kept_, kept_time_, other_time};
  }

  ThreadingMode kept_ = ThreadingMode::team;
  bool is_settled_ = false, is_first_series_ = true, has_decided_ = false;
  int runs_ = 0;
  std::int64_t factor_ = kFirstFactor / 2;  // the first decision doubles it or sets it
  std::array<Clock::duration, kCounted> times_{};
  Clock::duration kept_time_{};
  Clock::time_point settled_until_{};
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_THREADING_TUNER_H_
