// A lock that a fork() finds held: the child, in which its holder is missing, can take it.
#include "core/platform/fork_aware_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/catch.h"

namespace lamella::test {
namespace {

TEST_CASE("one thread at a time holds a fork-aware lock", "[fork_aware_lock]") {
  detail::ForkAwareLock lock;
  int count = 0, repairs = 0;  // not atomic: the lock guards them
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) lock.hold([&] { ++repairs; }, [&] { ++count; });
    });
  for (auto& thread : threads) thread.join();
  CHECK(count == 4 * 5000);
  CHECK(repairs == 0);
  CHECK(lock.hold([] {}, [] { return 7; }) == 7);
}

// Hidden from plain runs: sanitizers do not like it. The alarm ends a child that hangs.
TEST_CASE("a child takes over a lock that another thread of its parent held", "[.fork]") {
  detail::ForkAwareLock lock;
  std::atomic<bool> holds{false}, forked{false};
  std::thread holder([&] {
    lock.hold([] {},
              [&] {
                holds = true;
                holds.notify_all();
                forked.wait(false);
              });
  });
  holds.wait(false);
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    int repairs = 0, bodies = 0;
    for (int i = 0; i < 3; ++i) lock.hold([&] { ++repairs; }, [&] { ++bodies; });
    _exit(repairs == 1 && bodies == 3 ? 0 : 1);
  }
  forked = true;
  forked.notify_all();
  holder.join();
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(lock.hold([] { return 1; }, [] { return 2; }) == 2);
}

}  // namespace
}  // namespace lamella::test
