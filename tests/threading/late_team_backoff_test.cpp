// How long calls do without a team after it came late, with a made-up clock.
#include "backends/threading/late_team_backoff.h"

#include <algorithm>
#include <chrono>

#include "tests/catch.h"

namespace lamella::test {
namespace {

using backends::LateTeamBackoff;
using namespace std::chrono_literals;

TEST_CASE("a team on time is called every time, and no clock is needed for it", "[backoff]") {
  LateTeamBackoff backoff;
  CHECK(backoff.is_idle());
  CHECK_FALSE(backoff.is_armed());
  CHECK_FALSE(backoff.is_active(LateTeamBackoff::Clock::time_point{1h}));
}

TEST_CASE("each late team makes the back-off longer", "[backoff]") {
  LateTeamBackoff backoff;
  LateTeamBackoff::Clock::time_point now{1h};
  for (const int factor : {8, 16, 32, 64, 128, 256}) {
    const auto expected = std::min<std::chrono::nanoseconds>(factor * 5ms, 2s);
    CHECK(backoff.late(5ms, now) == expected);
    CHECK(backoff.is_armed());
    CHECK(backoff.is_active(now));
    CHECK(backoff.is_active(now + expected - 1us));
    now += expected;
    CHECK_FALSE(backoff.is_active(now));
    CHECK(backoff.is_armed());  // until a team has been on time
  }
}

TEST_CASE("each team on time makes the next back-off shorter again", "[backoff]") {
  LateTeamBackoff backoff;
  LateTeamBackoff::Clock::time_point now{1h};
  for (int i = 0; i < 3; ++i) {  // the factor is 64 then
    now += backoff.late(5ms, now);
  }
  CHECK(backoff.on_time(now));  // this ends the back-off
  CHECK_FALSE(backoff.is_armed());
  CHECK_FALSE(backoff.is_idle());
  CHECK_FALSE(backoff.on_time(now));  // there is none to end
  CHECK(backoff.late(5ms, now) == 16 * 5ms);
  now += 16 * 5ms;
  for (int i = 0; i < 20; ++i) backoff.on_time(now);
  CHECK(backoff.is_idle());
  CHECK(backoff.late(5ms, now) == 8 * 5ms);
}

TEST_CASE("a team on time does not end a back-off that has just begun", "[backoff]") {
  LateTeamBackoff backoff;
  const LateTeamBackoff::Clock::time_point now{1h};
  backoff.late(5ms, now);  // as another thread finds, while this one's team was on time
  CHECK_FALSE(backoff.on_time(now + 1ms));
  CHECK(backoff.is_active(now + 1ms));
}

TEST_CASE("no back-off is long, however long the wait", "[backoff]") {
  LateTeamBackoff backoff;
  LateTeamBackoff::Clock::time_point now{1h};
  for (int i = 0; i < 100; ++i) {
    CHECK(backoff.late(1h, now) == 2s);
    CHECK(backoff.is_active(now));
    now += 2s;
    CHECK_FALSE(backoff.is_active(now));
  }
}

}  // namespace
}  // namespace lamella::test
