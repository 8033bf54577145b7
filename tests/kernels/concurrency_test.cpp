// One backend used by several threads at once, on data of their own: each gets what it would have
// got alone.
#include <atomic>
#include <thread>

#include "tests/catch.h"
#include "tests/kernels/judge.h"
#include "tests/kernels/workload.h"

namespace lamella::test {
namespace {

TEMPLATE_TEST_CASE("a backend may be used from several threads at once", "[concurrency]", float,
                   double) {
  constexpr int kThreads = 3;
  Judge judge;
  for (const Subject& subject : subjects()) {
    INFO(subject.label);
    std::vector<std::vector<Outcome<TestType>>> alone, together(kThreads);
    for (unsigned t = 0; t < kThreads; ++t)
      alone.push_back(run_workload<TestType>(*subject.backend, 200 + t, Extent::brief));
    std::atomic<int> ready = 0;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        ++ready;
        while (ready.load() < kThreads) std::this_thread::yield();
        together[t] = run_workload<TestType>(*subject.backend, 200 + t, Extent::brief);
      });
    for (std::thread& thread : threads) thread.join();
    for (unsigned t = 0; t < kThreads; ++t)
      judge(subject.label + " thread " + std::to_string(t),
            different_outcomes(together[t], alone[t]));
  }
  CHECK(judge.cases() >= kThreads);
}

}  // namespace
}  // namespace lamella::test
