// How kernels are used: by several threads at once, and again and again, with the same results.
#include <atomic>
#include <exception>
#include <thread>

#include "tools/conformance/checks.h"
#include "tools/conformance/workload.h"

namespace lamella::conformance {
namespace {

/// Each thread, on data of its own, gets the same results as when it runs alone.
template <class T>
void several_threads(CheckContext& context) {
  constexpr int kThreads = 3;
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, "three threads at once");
    std::vector<std::vector<Outcome<T>>> alone, together(kThreads);
    for (unsigned t = 0; t < kThreads; ++t)
      alone.push_back(run_workload<T>(*tested.backend, 200 + t, Extent::brief));
    std::atomic<int> ready = 0;
    std::vector<std::string> problems(kThreads);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        ++ready;
        while (ready.load() < kThreads) std::this_thread::yield();
        try {
          together[t] = run_workload<T>(*tested.backend, 200 + t, Extent::brief);
        } catch (const std::exception& error) {
          problems[t] = std::string("threw: ") + error.what();
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (unsigned t = 0; t < kThreads; ++t)
      context(tested, "thread " + std::to_string(t),
              first_of({problems[t], different_outcomes(together[t], alone[t])}));
  }
  context.expect_cases(kThreads);
}

template <class T>
void twice(CheckContext& context) {
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, "the same calls twice");
    context(tested, "the same calls twice",
            different_outcomes(run_workload<T>(*tested.backend, 103, Extent::brief),
                               run_workload<T>(*tested.backend, 103, Extent::brief)));
  }
}

}  // namespace

std::vector<Check> use_checks() {
  return {
      {"use", "several threads may call at once", several_threads<float>, several_threads<double>},
      {"use", "the same call twice gives the same bits", twice<float>, twice<double>}};
}

}  // namespace lamella::conformance
