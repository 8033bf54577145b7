// When a plan is run by a team and when alone, with a made-up clock and made-up speeds.
#include "backends/threading/threading_tuner.h"

#include <chrono>
#include <vector>

#include "tests/catch.h"

namespace {

using lamella::backends::ShapeTuner;
using lamella::backends::ThreadingTuner;
using namespace std::chrono_literals;

// A plan that takes so long with a team and alone.
struct Speeds {
  ShapeTuner::Clock::duration team, alone;
};

// Runs the plan for `time`; the share of the runs that had a team, in per cent.
template <class Subject>
double team_percent(Subject& trial, ShapeTuner::Clock::time_point& now, Speeds speeds,
                    ShapeTuner::Clock::duration time) {
  int runs = 0, teams = 0;
  for (const auto end = now + time; now < end; ++runs) {
    const bool team = trial.calls_team(now);
    const auto taken = team ? speeds.team : speeds.alone;
    now += taken;
    trial.ran(team, taken, now);
    teams += team ? 1 : 0;
  }
  return 100.0 * teams / runs;
}

// One plan of the several.
struct OfTrials {
  ThreadingTuner& trials;
  std::uint64_t plan;
  bool calls_team(ShapeTuner::Clock::time_point now) { return trials.way_of(plan, now).team; }
  void ran(bool team, ShapeTuner::Clock::duration time, ShapeTuner::Clock::time_point now) {
    trials.ran(plan, team, time, now);
  }
};

TEST_CASE("the faster way is taken nearly always", "[trials]") {
  ShapeTuner::Clock::time_point now{1h};
  SECTION("a team") {
    ShapeTuner trial;
    CHECK(team_percent(trial, now, {50us, 90us}, 1s) > 98);
  }
  SECTION("alone") {
    ShapeTuner trial;
    CHECK(team_percent(trial, now, {90us, 50us}, 1s) < 2);
  }
  SECTION("a team that is far slower is tried seldom enough") {
    ShapeTuner trial;
    team_percent(trial, now, {1ms, 50us}, 1s);
    int teams = 0;
    const auto begin = now;
    for (const auto end = now + 10s; now < end;) {
      const bool team = trial.calls_team(now);
      const auto taken = team ? 1ms : std::chrono::microseconds(50);
      now += taken;
      trial.ran(team, taken, now);
      teams += team ? 1 : 0;
    }
    CHECK(teams > 0);
    CHECK(teams * 1ms < (now - begin) / 40);
  }
}

TEST_CASE("a way that has become slower is left", "[trials]") {
  ShapeTuner::Clock::time_point now{1h};
  ShapeTuner trial;
  team_percent(trial, now, {50us, 90us}, 3s);
  team_percent(trial, now, {90us, 50us}, 2 * ShapeTuner::kLongest);
  CHECK(team_percent(trial, now, {90us, 50us}, 1s) < 5);
  team_percent(trial, now, {50us, 90us}, 2 * ShapeTuner::kLongest);
  CHECK(team_percent(trial, now, {50us, 90us}, 1s) > 95);
}

TEST_CASE("one slow run in a series decides nothing", "[trials]") {
  ShapeTuner::Clock::time_point now{1h};
  ShapeTuner trial;
  for (int run = 0; run < 2 * (ShapeTuner::kUntimed + ShapeTuner::kTimed); ++run) {
    const bool team = trial.calls_team(now);
    const auto taken = team ? (run == ShapeTuner::kUntimed + 1 ? 9ms : 50us) : 90us;
    now += taken;
    trial.ran(team, taken, now);
  }
  CHECK(trial.calls_team(now));
}

TEST_CASE("a plan that is settled to run alone need not be counted", "[trials]") {
  ShapeTuner::Clock::time_point now{1h};
  ThreadingTuner trials;
  CHECK_FALSE(trials.goes_alone(1, now));  // never seen
  OfTrials slower{trials, 1}, faster{trials, 2};
  int alone = 0, teams = 0;
  for (int run = 0; run < 10'000; ++run) {
    const bool settled = trials.goes_alone(1, now);
    alone += settled ? 1 : 0;
    if (settled) {
      now += 50us;
    } else {
      const bool team = slower.calls_team(now);
      now += team ? 90us : 50us;
      slower.ran(team, team ? 90us : 50us, now);
    }
    team_percent(faster, now, {50us, 90us}, 50us);
    teams += trials.goes_alone(2, now) ? 0 : 1;
  }
  CHECK(alone > 9'500);  // but it is tried again
  CHECK(alone < 10'000 - 24);
  CHECK(teams == 10'000);
}

TEST_CASE("plans are told apart", "[trials]") {
  ShapeTuner::Clock::time_point now{1h};
  ThreadingTuner trials;
  OfTrials first{trials, 1}, second{trials, 2};
  team_percent(first, now, {90us, 50us}, 10ms);
  team_percent(second, now, {50us, 90us}, 10ms);
  CHECK_FALSE(first.calls_team(now));
  CHECK(second.calls_team(now));
  SECTION("and forgotten when others have come") {
    for (std::uint64_t other = 3; other < 19; ++other) CHECK(trials.way_of(other, now).team);
    CHECK(first.calls_team(now));
  }
}

}  // namespace
