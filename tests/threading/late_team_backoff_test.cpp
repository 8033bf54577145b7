// Threads that come late: how long a leader works alone after that, and that drivers do.
#include "backends/threading/late_team_backoff.h"

#include <chrono>
#include <memory>
#include <thread>

#include <lamella/matrix.h>

#include "backends/driver_backend.h"
#include "backends/executor.h"
#include "tests/catch.h"

namespace lamella::test {
namespace {

using backends::LateTeamBackoff;
using namespace std::chrono_literals;

TEST_CASE("punctual threads are called every time", "[late_team_backoff]") {
  LateTeamBackoff late_team_backoff;
  LateTeamBackoff::Clock::time_point now{1h};
  for (int i = 0; i < 100; ++i, now += 10us) {
    CHECK(late_team_backoff.worth_calling(now));
    late_team_backoff.waited(50us, now);
  }
}

TEST_CASE("after a wait the leader works alone for longer and longer", "[late_team_backoff]") {
  LateTeamBackoff late_team_backoff;
  LateTeamBackoff::Clock::time_point now{1h};
  for (const int factor : {8, 16, 32, 64, 128, 256}) {
    late_team_backoff.waited(5ms, now);
    const auto alone = std::min<std::chrono::nanoseconds>(factor * 5ms, 2s);
    CHECK(!late_team_backoff.worth_calling(now));
    CHECK(!late_team_backoff.worth_calling(now + alone - 1us));
    now += alone;
    CHECK(late_team_backoff.worth_calling(now));
  }
  late_team_backoff.waited(10us, now);  // punctual again: it starts over
  CHECK(late_team_backoff.worth_calling(now));
  late_team_backoff.waited(5ms, now);
  CHECK(!late_team_backoff.worth_calling(now + 39ms));
  CHECK(late_team_backoff.worth_calling(now + 40ms));
}

TEST_CASE("never alone for long, however long the wait", "[late_team_backoff]") {
  LateTeamBackoff late_team_backoff;
  LateTeamBackoff::Clock::time_point now{1h};
  for (int i = 0; i < 100; ++i) {
    late_team_backoff.waited(1h, now);
    CHECK(!late_team_backoff.worth_calling(now));
    now += 2s;
    CHECK(late_team_backoff.worth_calling(now));
  }
}

/// Two workers, who begin or end half a second late.
class LateExecutor final : public backends::Executor {
 public:
  LateExecutor(int* runs, bool at_the_end) : runs_(runs), at_the_end_(at_the_end) {}
  int concurrency() const noexcept override { return 2; }
  void run(int workers, backends::WorkerBody body) const noexcept override {
    ++*runs_;
    if (!at_the_end_) std::this_thread::sleep_for(500ms);
    for (int worker = 0; worker < workers; ++worker) body(worker);
    if (at_the_end_) std::this_thread::sleep_for(500ms);
  }

 private:
  int* runs_;
  bool at_the_end_;
};

TEST_CASE("plans go on alone when the team is late, with the same results", "[late_team_backoff]") {
  const bool at_the_end = GENERATE(false, true);
  int runs = 0;
  const auto late =
      backends::make_driver_backend({"late", "scalar", 2, "the test"}, backends::scalar_tables(),
                                    std::make_unique<LateExecutor>(&runs, at_the_end));
  const auto serial =
      backends::make_driver_backend({"serial", "scalar", 1, "the test"}, backends::scalar_tables(),
                                    backends::make_serial_executor());
  Matrix<float> a(64, 64), b(64, 64);
  for (index_t i = 0; i < a.size(); ++i) a.data()[i] = b.data()[i] = static_cast<float>(i % 7) / 4;
  const auto product = [&](const Backend& backend) {
    Matrix<float> c(64, 64);
    Plan<float> plan;
    plan.calls = {FusedGemm<float>{{1, a.view(), b.view(), 0, c.view()}, {}}};
    backend.f32().run(plan);
    return c;
  };
  const Matrix<float> expected = product(*serial);
  for (int plan = 0; plan < 3; ++plan) {
    const Matrix<float> c = product(*late);
    CHECK(std::equal(c.values().begin(), c.values().end(), expected.values().begin()));
  }
  CHECK(runs == 1);  // and the next after two seconds
}

}  // namespace
}  // namespace lamella::test
