// Whether a team of threads pays for a plan or a product, found out by trying: what moving data
// between the caches of cores costs depends on the machine and on who else uses it, and no count of
// flops says.
//
// Now and then a few runs of a plan are timed with a team and alone, and the faster way is kept for
// a while. Results have the same bits either way. Whether threads come at all is
// late_team_backoff.h's.
#ifndef LAMELLA_BACKENDS_THREADING_THREADING_TUNER_H_
#define LAMELLA_BACKENDS_THREADING_THREADING_TUNER_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace lamella::backends {

/// Two ways of running one plan. Not for several threads at once.
class ShapeTuner {
 public:
  using Clock = std::chrono::steady_clock;

  /// A series is so many runs, of which the first find their data in the other way's caches. The
  /// median of the timed ones stands for the series.
  static constexpr int kUntimed = 3, kTimed = 9;
  /// A way is kept for so many times what the trial has lost by the slower one, and for twice as
  /// long each time that nothing has changed: trying costs 1/64 at first, and soon next to nothing.
  static constexpr std::int64_t kFirstFactor = 64, kLargestFactor = 4096;
  static constexpr Clock::duration kShortest = std::chrono::milliseconds(20);
  static constexpr Clock::duration kLongest = std::chrono::seconds(1);

  /// How the next run should go.
  bool calls_team(Clock::time_point now) noexcept {
    if (settled_ && now >= settled_until_) {
      settled_ = false;
      first_series_ = true;
      runs_ = 0;
    }
    return way();
  }

  /// Whether the next run is settled: no team.
  bool goes_alone(Clock::time_point now) const noexcept {
    return settled_ && !team_ && now < settled_until_;
  }

  /// Whether that run is to be timed, for ran().
  bool timed() const noexcept { return !settled_; }

  /// That run has taken this long.
  void ran(bool team, Clock::duration time, Clock::time_point now) noexcept {
    if (settled_ || team != way() || runs_++ < kUntimed) return;
    times_[static_cast<std::size_t>(runs_ - kUntimed - 1)] = time;
    if (runs_ < kUntimed + kTimed) return;
    runs_ = 0;
    const auto median = times_.begin() + kTimed / 2;
    std::nth_element(times_.begin(), median, times_.end());
    (first_series_ ? kept_ : other_) = *median;
    if (first_series_)
      first_series_ = false;
    else
      settle(now);
  }

 private:
  // The first series goes the way that was kept, the second the other.
  bool way() const noexcept { return settled_ || first_series_ ? team_ : !team_; }

  void settle(Clock::time_point now) noexcept {
    const bool changes = other_ < kept_;
    team_ = team_ != changes;
    factor_ = changes ? kFirstFactor : std::min(2 * factor_, kLargestFactor);
    const Clock::duration lost = (kUntimed + kTimed) * (changes ? kept_ - other_ : other_ - kept_);
    settled_until_ = now + std::clamp(factor_ * std::min(lost, kLongest), kShortest, kLongest);
    settled_ = true;
  }

  bool team_ = true, settled_ = false, first_series_ = true;
  int runs_ = 0;
  std::int64_t factor_ = kFirstFactor / 2;  // nothing has changed at first
  std::array<Clock::duration, kTimed> times_{};
  Clock::duration kept_{}, other_{};
  Clock::time_point settled_until_{};
};

/// The trials of the plans run last, by a number that tells plans of different shape apart. May be
/// used by several threads at once: who comes while another looks something up goes untimed.
class ThreadingTuner {
 public:
  using Clock = ShapeTuner::Clock;

  struct Way {
    bool team, timed;
  };
  /// Whether it is settled that the plan is run alone; all that a small step has to ask then.
  bool goes_alone(std::uint64_t plan, Clock::time_point now) noexcept {
    bool alone = false;
    if_free([&] {
      const auto entry = find(plan);
      alone = entry != entries_.end() && entry->trial.goes_alone(now);
      if (alone) entry->last_use = ++uses_;
    });
    return alone;
  }
  Way way_of(std::uint64_t plan, Clock::time_point now) noexcept {
    Way way{true, false};
    with(plan, [&](ShapeTuner& trial) {
      way.team = trial.calls_team(now);
      way.timed = trial.timed();
    });
    return way;
  }
  void ran(std::uint64_t plan, bool team, Clock::duration time, Clock::time_point now) noexcept {
    with(plan, [&](ShapeTuner& trial) { trial.ran(team, time, now); });
  }

 private:
  struct Entry {
    std::uint64_t plan = 0, last_use = 0;
    ShapeTuner trial;
  };

  std::array<Entry, 16>::iterator find(std::uint64_t plan) noexcept {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& e) { return e.plan == plan && e.last_use != 0; });
  }

  /// Not at all while another thread is in here.
  template <class Body>
  void if_free(const Body& body) noexcept {
    if (busy_.test_and_set(std::memory_order_acquire)) return;
    body();
    busy_.clear(std::memory_order_release);
  }

  template <class Body>
  void with(std::uint64_t plan, const Body& body) noexcept {
    if_free([&] {
      auto entry = find(plan);
      if (entry == entries_.end()) {
        entry = std::min_element(
            entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.last_use < b.last_use; });
        *entry = Entry{};
        entry->plan = plan;
      }
      entry->last_use = ++uses_;
      body(entry->trial);
    });
  }

  std::atomic_flag busy_;
  std::uint64_t uses_ = 0;
  std::array<Entry, 16> entries_{};
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_THREADING_TUNER_H_
