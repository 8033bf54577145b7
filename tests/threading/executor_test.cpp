// Executors: every body exactly once, no more threads than allowed, serial inside parallel regions.
#include "backends/executor.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/catch.h"
#include "tests/memory_of_process.h"
#include "tests/threads_of_process.h"

namespace lamella::test {
namespace {

struct NamedExecutor {
  std::string name;
  std::unique_ptr<backends::Executor> executor;
  int threads;
};

std::vector<NamedExecutor> executors() {
  std::vector<NamedExecutor> all;
  all.push_back({"serial", backends::make_serial_executor(), 1});
  for ([[maybe_unused]] const int threads : {1, 2, 3, 5}) {
#ifdef LAMELLA_WITH_OPENMP
    all.push_back({"openmp", backends::make_openmp_executor(threads), threads});
#endif
#ifdef LAMELLA_WITH_TBB
    all.push_back({"tbb", backends::make_tbb_executor(threads), threads});
#endif
  }
  return all;
}

/// How often each of `workers` bodies was run.
std::vector<int> run_counts(const backends::Executor& executor, int workers) {
  std::vector<std::atomic<int>> counts(static_cast<std::size_t>(workers));
  executor.run(workers, [&](int worker) { ++counts.at(static_cast<std::size_t>(worker)); });
  return {counts.begin(), counts.end()};
}

TEST_CASE("an executor runs every body exactly once", "[executor]") {
  for (const auto& [name, executor, threads] : executors()) {
    CAPTURE(name, threads);
    CHECK(executor->concurrency() == threads);
    // Fewer bodies than threads, as many, more, and more than the oneTBB executor keeps track of.
    for (const int workers : {0, 1, 2, 3, 7, 64, 65, 1000, 5000}) {
      CAPTURE(workers);
      for (int repeat = 0; repeat < 3; ++repeat) {
        const auto counts = run_counts(*executor, workers);
        CHECK(counts == std::vector<int>(static_cast<std::size_t>(workers), 1));
      }
    }
  }
}

TEST_CASE("an executor uses no more threads than it was made with", "[executor]") {
  for (const auto& [name, executor, threads] : executors()) {
    CAPTURE(name, threads);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    executor->run(100, [&](int) {
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
    CHECK(!seen.empty());
    CHECK(seen.size() <= static_cast<std::size_t>(threads));
  }
}

TEST_CASE("a run sees what the run before it wrote", "[executor]") {
  for (const auto& [name, executor, threads] : executors()) {
    CAPTURE(name, threads);
    std::vector<long> cells(8, 0);  // not atomic: the end of a run has to be a barrier
    for (int round = 0; round < 50; ++round)
      executor->run(8, [&](int worker) {
        const auto other = static_cast<std::size_t>((worker + round) % 8);
        cells[other] += 1;
      });
    CHECK(cells == std::vector<long>(8, 50));
  }
}

TEST_CASE("inside a parallel region an executor has one thread and still runs all", "[executor]") {
  for (const auto& [name, executor, threads] : executors()) {
    CAPTURE(name, threads);
    std::atomic<int> not_serial{0}, wrong_counts{0};
    executor->run(4, [&, e = executor.get()](int) {
      if (e->concurrency() != 1) ++not_serial;
      const auto outer = std::this_thread::get_id();
      std::atomic<int> elsewhere{0}, ran{0};
      e->run(4, [&](int) {
        ++ran;
        if (std::this_thread::get_id() != outer) ++elsewhere;
      });
      if (ran != 4 || elsewhere != 0) ++wrong_counts;
    });
    // With one thread there is no region to be inside of; a nested run is serial all the same.
    CHECK(not_serial == 0);
    CHECK(wrong_counts == 0);
    CHECK(executor->concurrency() == threads);
  }
}

TEST_CASE("several threads may use one executor at once", "[executor]") {
  for (const auto& [name, executor, threads] : executors()) {
    CAPTURE(name, threads);
    std::atomic<int> ran{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 3; ++caller)
      callers.emplace_back([&, e = executor.get()] {
        for (int round = 0; round < 50; ++round) e->run(5, [&](int) { ++ran; });
      });
    for (auto& caller : callers) caller.join();
    CHECK(ran == 3 * 50 * 5);
  }
}

TEST_CASE("more threads than an executor has may use it at once", "[executor]") {
  // None of them may wait for another to leave: each holds on until all are inside.
  for (const auto& [name, executor, threads] : executors()) {
    CAPTURE(name, threads);
    constexpr int kCallers = 7;
    std::atomic<int> inside{0}, ran{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller)
      callers.emplace_back([&, e = executor.get()] {
        std::atomic<bool> counted{false};
        e->run(2, [&](int) {
          ++ran;
          if (!counted.exchange(true)) ++inside;
          while (inside < kCallers) std::this_thread::yield();
        });
      });
    for (auto& caller : callers) caller.join();
    CHECK(ran == 2 * kCallers);
  }
}

TEST_CASE("an executor may be asked for more threads than any machine has", "[executor]") {
  std::vector<NamedExecutor> many;
#ifdef LAMELLA_WITH_OPENMP
  many.push_back({"openmp", backends::make_openmp_executor(1100), 1100});
#endif
#ifdef LAMELLA_WITH_TBB
  many.push_back({"tbb", backends::make_tbb_executor(1100), 1100});
#endif
  for (const auto& [name, executor, threads] : many) {
    CAPTURE(name);
    CHECK(executor->concurrency() > 1);
    CHECK(executor->concurrency() <= threads);
    for (const int workers : {2, 1100, 3000})
      CHECK(run_counts(*executor, workers) ==
            std::vector<int>(static_cast<std::size_t>(workers), 1));
  }
}

#if defined(__linux__)
TEST_CASE("executors that were made, used and destroyed leave no memory behind", "[executor]") {
  if (kMemoryIsSanitized) return;
  // Each executor of a leaking kind costs 7 KiB.
  const auto make_and_use = [](int rounds) {
    for (int round = 0; round < rounds; ++round)
      for (const auto& entry : executors()) entry.executor->run(4, [](int) {});
  };
  make_and_use(20);
  REQUIRE(private_bytes_of_process() > 0);
  // A run makes 900 executors of oneTBB with more than one thread: 6 MiB, if they leak.
  CHECK(least_growth(private_bytes_of_process, [&] { make_and_use(300); }) < 1024 * 1024);
}

TEST_CASE("making an executor starts no thread", "[executor]") {
  const auto before = threads_of_process();
  const auto made = executors();
  for (const auto& entry : made) static_cast<void>(entry.executor->concurrency());
  CHECK(threads_of_process() == before);
}
#endif

}  // namespace
}  // namespace lamella::test
