// Whether threads can be had: what is asked for is there or not, and asking leaves nothing behind.
#include "core/platform/thread_probe.h"

#include <signal.h>

#include <cerrno>
#include <cstddef>
#include <limits>

#include "tests/catch.h"
#include "tests/threads_of_process.h"

namespace lamella::test {
namespace {

using detail::memory_can_be_had;
using detail::threads_can_be_had;

constexpr std::size_t kTooLarge = std::numeric_limits<std::size_t>::max() / 4;

TEST_CASE("threads of ordinary size can be had, and none with a stack beyond the address space",
          "[thread_probe]") {
  CHECK(threads_can_be_had(0, 0));
  CHECK(threads_can_be_had(1, 0));
  CHECK(threads_can_be_had(20, 256 * 1024));
  CHECK_FALSE(threads_can_be_had(1, kTooLarge));
  CHECK_FALSE(threads_can_be_had(1, 1));  // less than the smallest stack there is
}

TEST_CASE("memory can be had, but not more than there are addresses", "[thread_probe]") {
  CHECK(memory_can_be_had(1 << 20));
  CHECK_FALSE(memory_can_be_had(kTooLarge));
}

TEST_CASE("asking for threads changes nothing for the caller", "[thread_probe]") {
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  errno = 42;
  threads_can_be_had(3, 0);
  threads_can_be_had(3, kTooLarge);
  memory_can_be_had(kTooLarge);
  CHECK(errno == 42);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < 32; ++signal)
    CHECK(sigismember(&before, signal) == sigismember(&after, signal));
}

#if defined(__linux__)
TEST_CASE("threads that were tried are gone when the answer is there", "[thread_probe]") {
  // A thread that still counted would take the place of the one that was asked about.
  const auto before = threads_of_process();
  for (int round = 0; round < 200; ++round) {
    REQUIRE(threads_can_be_had(4, 256 * 1024));
    REQUIRE(threads_of_process() == before);
  }
}
#endif

TEST_CASE("a refusal holds for a while, and none holds before it", "[thread_probe]") {
  detail::ThreadRefusal refusal;
  CHECK_FALSE(refusal.is_active());
  refusal.begin();
  CHECK(refusal.is_active());
}

}  // namespace
}  // namespace lamella::test
