// A clock for adaptive threading that goes only when a test says so.
#ifndef LAMELLA_TESTS_THREADING_FAKE_CLOCK_H_
#define LAMELLA_TESTS_THREADING_FAKE_CLOCK_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "backends/adaptive_threading.h"

namespace lamella::test {

/// One for the whole process, because a ThreadingClock is made of functions. Its ticks are thirds
/// of a nanosecond.
class FakeClock {
 public:
  using Duration = backends::ThreadingClock::Duration;
  using Time = backends::ThreadingClock::Time;

  static backends::ThreadingClock clock() { return {now, ticks}; }
  static void advance(Duration time) { since_start_ += time.count(); }
  static Time now() noexcept { return Time(std::chrono::hours(1) + Duration(since_start_.load())); }
  static std::uint64_t ticks() noexcept {
    return 5000 + 3 * static_cast<std::uint64_t>(since_start_.load());
  }

 private:
  static inline std::atomic<Duration::rep> since_start_{0};
};

/// The lines that adaptive threading has printed since the last clear().
class RecordedTrace {
 public:
  static void print(const char* line) noexcept { lines().emplace_back(line); }
  static std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
  }
};

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_THREADING_FAKE_CLOCK_H_
