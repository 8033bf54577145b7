// Which parallel regions count as late, and that calls do without threads after one, with a
// made-up clock and made-up threads.
#include "backends/threading/adaptive_executor.h"

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <lamella/matrix.h>

#include "backends/driver_backend.h"
#include "tests/catch.h"
#include "tests/threading/fake_clock.h"

namespace lamella::test {
namespace {

using backends::AdaptiveExecutor;
using namespace std::chrono_literals;
using Duration = FakeClock::Duration;

/// What the made-up threads do: how long the caller waits before its bodies begin and after they
/// have ended, and how long each body takes.
struct Behaviour {
  Duration before{}, body{}, after{};
  int threads = 2;
  int regions = 0;  // calls with more than one worker
};

/// Runs all bodies on the calling thread, but lets time pass as if others had run most of them: all
/// bodies together take Behaviour::body.
class FakeThreads final : public backends::Executor {
 public:
  explicit FakeThreads(Behaviour* behaviour) : behaviour_(behaviour) {}
  int concurrency() const noexcept override { return behaviour_->threads; }
  void run(int workers, backends::WorkerBody body) const noexcept override {
    ++behaviour_->regions;
    FakeClock::advance(behaviour_->before);
    for (int worker = 0; worker < workers; ++worker) {
      if (worker == 1) FakeClock::advance(behaviour_->body);
      body(worker);
    }
    FakeClock::advance(behaviour_->after);
  }

 private:
  Behaviour* behaviour_;
};

backends::ThreadingOptions options() {
  RecordedTrace::lines().clear();
  return {true, RecordedTrace::print, FakeClock::clock()};
}

struct Subject {
  explicit Subject(Behaviour given, const backends::ThreadingOptions& with = options())
      : behaviour(given), executor(std::make_unique<FakeThreads>(&behaviour), with) {}

  /// Whether a call has a parallel region; all its bodies must run either way.
  bool is_parallel(int workers = 2, bool as_team = false) {
    const int before = behaviour.regions;
    std::vector<int> ran(static_cast<std::size_t>(workers), 0);
    const auto body = [&](int worker) { ++ran[static_cast<std::size_t>(worker)]; };
    if (as_team)
      executor.run_team(workers, body);
    else
      executor.run(workers, body);
    CHECK(ran == std::vector<int>(static_cast<std::size_t>(workers), 1));
    return behaviour.regions > before;
  }

  Behaviour behaviour;
  AdaptiveExecutor executor;
};

TEST_CASE("threads on time are used for every call", "[adaptive]") {
  Subject subject({1us, 20us, 50us});
  for (int call = 0; call < 100; ++call) CHECK(subject.is_parallel());
  CHECK(subject.executor.concurrency() == 2);
  CHECK(RecordedTrace::lines().empty());
}

TEST_CASE("after threads came late, calls run on one thread for a while", "[adaptive]") {
  const bool late_at_the_end = GENERATE(false, true);
  Subject subject({late_at_the_end ? 0ms : 4ms, 100us, late_at_the_end ? 4ms : 0ms});
  CHECK(subject.is_parallel());
  CHECK(subject.executor.concurrency() == 1);
  CHECK(subject.executor.threads() == 2);
  CHECK_FALSE(subject.is_parallel());
  FakeClock::advance(8 * 4ms - 1ms);
  CHECK_FALSE(subject.is_parallel());
  FakeClock::advance(2ms);
  CHECK(subject.executor.concurrency() == 2);
  CHECK(subject.is_parallel());  // late again: the back-off is twice as long
  FakeClock::advance(15 * 4ms);
  CHECK_FALSE(subject.is_parallel());
  FakeClock::advance(2 * 4ms);
  subject.behaviour.before = subject.behaviour.after = 1us;
  CHECK(subject.is_parallel());
  CHECK(subject.is_parallel());
  CHECK(RecordedTrace::lines() ==
        std::vector<std::string>{"lamella: threading: team late by 4.0 ms; one thread for 32 ms\n",
                                 "lamella: threading: team late by 4.0 ms; one thread for 64 ms\n",
                                 "lamella: threading: team on time; 2 threads again\n"});
}

TEST_CASE("a busy machine costs little, and less and less", "[adaptive]") {
  Subject subject({0ms, 100us, 10ms});
  const auto begin = FakeClock::now();
  int late = 0, calls = 0;
  Duration waited{};
  for (; FakeClock::now() - begin < 10s; ++calls) {
    if (subject.is_parallel())
      waited += 10ms, ++late;
    else
      FakeClock::advance(200us);
  }
  CHECK(late > 3);           // threads are tried again and again
  CHECK(late < calls / 50);  // so that no probe is the median
  CHECK(waited < 200ms);
}

TEST_CASE("bodies of unequal length are no lateness", "[adaptive]") {
  Subject subject({0us, 3ms, 3ms});
  for (int call = 0; call < 10; ++call) CHECK(subject.is_parallel());
  SECTION("but they are where others do what a late thread has not begun") {
    CHECK(subject.is_parallel(2, true));
    CHECK_FALSE(subject.is_parallel(2, true));
  }
  SECTION("and so are waits of more time than the threads can have saved") {
    subject.behaviour.after = 4ms;
    CHECK(subject.is_parallel());
    CHECK_FALSE(subject.is_parallel());
  }
  SECTION("of which more threads save more") {
    subject.behaviour.threads = 4;
    subject.behaviour.after = 8ms;
    CHECK(subject.is_parallel(4));
    CHECK(subject.is_parallel(4));
    CHECK(subject.is_parallel(2));  // of four threads two have work: they save less
    CHECK_FALSE(subject.is_parallel(2));
  }
}

TEST_CASE("short waits are no lateness", "[adaptive]") {
  Subject subject({100us, 1us, 150us});  // threads that must be woken
  for (int call = 0; call < 10; ++call) CHECK(subject.is_parallel());
}

TEST_CASE("calls of one worker have no parallel region", "[adaptive]") {
  Subject subject({});
  CHECK_FALSE(subject.is_parallel(1));
  CHECK_FALSE(subject.is_parallel(0));
}

TEST_CASE("nothing is learned inside somebody's parallel region", "[adaptive]") {
  Subject subject({0ms, 1us, 4ms});
  subject.behaviour.threads = 1;
  CHECK(subject.is_parallel());
  subject.behaviour.threads = 2;
  CHECK(subject.executor.concurrency() == 2);
}

TEST_CASE("without adaptation, late threads are called again", "[adaptive]") {
  backends::ThreadingOptions fixed = options();
  fixed.adaptive = false;
  Subject subject({0ms, 1us, 4ms}, fixed);
  for (int call = 0; call < 10; ++call) CHECK(subject.is_parallel());
  CHECK(RecordedTrace::lines().empty());
  Behaviour behaviour;
  auto inner = std::make_unique<FakeThreads>(&behaviour);
  const backends::Executor* const before = inner.get();
  CHECK(backends::make_adaptive_executor(std::move(inner), fixed).get() == before);
}

TEST_CASE("a body on another thread is not the caller's work", "[adaptive]") {
  // The caller's body takes no time, and the other thread's takes 4 ms: all of these are a wait.
  class OneThreadEach final : public backends::Executor {
   public:
    int concurrency() const noexcept override { return 2; }
    void run(int workers, backends::WorkerBody body) const noexcept override {
      body(0);
      for (int worker = 1; worker < workers; ++worker) std::thread([=] { body(worker); }).join();
    }
  };
  const AdaptiveExecutor executor(std::make_unique<OneThreadEach>(), options());
  executor.run(2, [&](int worker) {
    if (worker == 1) FakeClock::advance(4ms);
  });
  CHECK(executor.concurrency() == 1);
}

TEST_CASE("single calls and plans go on without late threads, with the same results",
          "[adaptive]") {
  const bool is_plan = GENERATE(false, true);
  Behaviour behaviour{0ms, 1us, 500ms};
  const auto late =
      backends::make_driver_backend({"late", "scalar", 2, "the test"}, backends::scalar_tables(),
                                    std::make_unique<FakeThreads>(&behaviour), options());
  const auto serial =
      backends::make_driver_backend({"serial", "scalar", 1, "the test"}, backends::scalar_tables(),
                                    backends::make_serial_executor());
  const index_t n = is_plan ? 64 : 256;
  Matrix<float> a(n, n), b(n, n);
  for (index_t i = 0; i < a.size(); ++i) a.data()[i] = b.data()[i] = static_cast<float>(i % 7) / 4;
  const auto product = [&](const Backend& backend) {
    Matrix<float> c(n, n);
    const FusedGemm<float> call{{1, a.view(), b.view(), 0, c.view()}, {}};
    if (is_plan) {
      Plan<float> plan;
      plan.calls = {call};
      backend.f32().run(plan);
    } else {
      backend.run(call);
    }
    return c;
  };
  const Matrix<float> expected = product(*serial);
  for (int call = 0; call < 10; ++call) {
    const Matrix<float> c = product(*late);
    CHECK(std::equal(c.values().begin(), c.values().end(), expected.values().begin()));
  }
  CHECK(behaviour.regions == 1);
  FakeClock::advance(2s);  // the longest back-off
  product(*late);
  CHECK(behaviour.regions == 2);
}

}  // namespace
}  // namespace lamella::test
