// When a piece of work is run by a team and when on one thread, with a made-up clock and made-up
// speeds.
#include "backends/threading/threading_tuner.h"

#include <chrono>
#include <optional>
#include <vector>

#include "backends/threading/product_tuners.h"
#include "tests/catch.h"

namespace {

using lamella::backends::ProductShape;
using lamella::backends::ProductTuners;
using lamella::backends::ThreadingChoice;
using lamella::backends::ThreadingDecision;
using lamella::backends::ThreadingMode;
using lamella::backends::ThreadingTuner;
using namespace std::chrono_literals;
using Duration = ThreadingTuner::Clock::duration;
using Time = ThreadingTuner::Clock::time_point;

// How long the work takes in each mode.
struct Speeds {
  Duration team, single_threaded;
  Duration of(ThreadingMode mode) const {
    return mode == ThreadingMode::team ? team : single_threaded;
  }
};

// One run of the work. Returns its mode.
template <class Tuner>
ThreadingMode run(Tuner& tuner, Time& now, Speeds speeds,
                  std::vector<ThreadingDecision>* decisions = nullptr) {
  const ThreadingChoice choice = tuner.choose(now);
  const Duration taken = speeds.of(choice.mode);
  now += taken;
  if (!choice.timed) return choice.mode;
  const std::optional<ThreadingDecision> decision = tuner.record(choice.mode, taken, now);
  if (decision && decisions != nullptr) decisions->push_back(*decision);
  return choice.mode;
}

// Runs the work for `time`; the percentage of the runs that had a team.
template <class Tuner>
double team_percent(Tuner& tuner, Time& now, Speeds speeds, Duration time,
                    std::vector<ThreadingDecision>* decisions = nullptr) {
  int runs = 0, teams = 0;
  for (const auto end = now + time; now < end; ++runs)
    teams += run(tuner, now, speeds, decisions) == ThreadingMode::team ? 1 : 0;
  return 100.0 * teams / runs;
}

// The tuner of one shape among those of several.
struct OneOf {
  ProductTuners& tuners;
  ProductShape shape;
  ThreadingChoice choose(Time now) { return tuners.choose(shape, now); }
  std::optional<ThreadingDecision> record(ThreadingMode mode, Duration time, Time now) {
    return tuners.record(shape, mode, time, now);
  }
};

TEST_CASE("the faster mode is used nearly always", "[tuner]") {
  Time now{1h};
  ThreadingTuner tuner;
  SECTION("a team") { CHECK(team_percent(tuner, now, {50us, 90us}, 1s) > 98); }
  SECTION("one thread") { CHECK(team_percent(tuner, now, {90us, 50us}, 1s) < 2); }
  SECTION("a team that is far slower is tried seldom enough") {
    team_percent(tuner, now, {1ms, 50us}, 1s);
    int teams = 0;
    const auto begin = now;
    for (const auto end = now + 10s; now < end;)
      teams += run(tuner, now, {1ms, 50us}) == ThreadingMode::team ? 1 : 0;
    CHECK(teams > 0);
    CHECK(teams * 1ms < (now - begin) / 40);
  }
}

TEST_CASE("a mode that has become slower is left", "[tuner]") {
  Time now{1h};
  ThreadingTuner tuner;
  team_percent(tuner, now, {50us, 90us}, 3s);
  team_percent(tuner, now, {90us, 50us}, 2 * ThreadingTuner::kLongest);
  CHECK(team_percent(tuner, now, {90us, 50us}, 1s) < 5);
  team_percent(tuner, now, {50us, 90us}, 2 * ThreadingTuner::kLongest);
  CHECK(team_percent(tuner, now, {50us, 90us}, 1s) > 95);
}

TEST_CASE("one slow run in a series decides nothing", "[tuner]") {
  Time now{1h};
  ThreadingTuner tuner;
  for (int i = 0; i < 2 * (ThreadingTuner::kUncounted + ThreadingTuner::kCounted); ++i)
    run(tuner, now, {i == ThreadingTuner::kUncounted + 1 ? Duration(9ms) : Duration(50us), 90us});
  CHECK(tuner.choose(now).mode == ThreadingMode::team);
  CHECK_FALSE(tuner.choose(now).timed);
}

TEST_CASE("a decision is reported when it is made and when it changes", "[tuner]") {
  Time now{1h};
  ThreadingTuner tuner;
  std::vector<ThreadingDecision> decisions;
  team_percent(tuner, now, {50us, 90us}, 5s, &decisions);
  REQUIRE(decisions.size() == 1);
  CHECK(decisions[0].mode == ThreadingMode::team);
  CHECK(decisions[0].time == 50us);
  CHECK(decisions[0].other_time == 90us);
  team_percent(tuner, now, {90us, 60us}, 5s, &decisions);
  REQUIRE(decisions.size() == 2);
  CHECK(decisions[1].mode == ThreadingMode::single_threaded);
  CHECK(decisions[1].time == 60us);
  CHECK(decisions[1].other_time == 90us);
}

TEST_CASE("shapes are told apart by each of their sizes", "[tuner]") {
  Time now{1h};
  ProductTuners tuners;
  OneOf first{tuners, {64, 96, 128}};
  team_percent(first, now, {90us, 50us}, 10ms);
  CHECK(first.choose(now).mode == ThreadingMode::single_threaded);
  for (const ProductShape& shape : {ProductShape{65, 96, 128}, ProductShape{64, 97, 128},
                                    ProductShape{64, 96, 129}, ProductShape{96, 64, 128}}) {
    OneOf other{tuners, shape};
    team_percent(other, now, {50us, 90us}, 10ms);
    CHECK(other.choose(now).mode == ThreadingMode::team);
    CHECK(first.choose(now).mode == ThreadingMode::single_threaded);
  }
  SECTION("and forgotten when others have come") {
    for (std::size_t i = 0; i < ProductTuners::kTuners; ++i)
      tuners.choose({static_cast<std::ptrdiff_t>(i) + 1, 1, 1}, now);
    CHECK(first.choose(now).mode == ThreadingMode::team);
  }
}

}  // namespace
