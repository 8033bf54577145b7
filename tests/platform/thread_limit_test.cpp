// The thread limit: the least of request, environment, affinity mask and cgroup quota, and who
// decided.
#include "core/platform/thread_limit.h"

#include <string>
#include <thread>

#include <lamella/error.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include "tests/catch.h"
#include "tests/environment_guard.h"
#include "tests/scratch_directory.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using detail::thread_limit_below;

/// A root without cgroups, or with a version 2 quota.
struct Machine {
  ScratchDirectory root;
  void set_quota(const std::string& cpu_max) const {
    root.write("proc/self/cgroup", "0::/\n");
    root.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    root.write("cg/cpu.max", cpu_max);
  }
  ThreadLimit limit(int requested = 0) const { return thread_limit_below(root.path(), requested); }
};

TEST_CASE("without wishes the processors this process may use are the limit", "[thread_limit]") {
  const CleanEnvironment clean;
  const Machine machine;
  const auto limit = machine.limit();
  CHECK(limit.threads >= 1);
  CHECK(limit.threads <= static_cast<int>(std::thread::hardware_concurrency()));
  CHECK_THAT(limit.limited_by,
             ContainsSubstring("processors of this machine") || ContainsSubstring("affinity mask"));
}

TEST_CASE("a request or the environment lowers the limit and never raises it", "[thread_limit]") {
  const CleanEnvironment clean;
  const Machine machine;
  const int all = machine.limit().threads;

  CHECK(machine.limit(1).threads == 1);
  CHECK(machine.limit(1).limited_by == "request");
  CHECK(machine.limit(all).limited_by == "request");
  CHECK(machine.limit(all + 1).threads == all);
  CHECK(machine.limit(all + 1).limited_by == machine.limit().limited_by);

  const EnvironmentGuard one("LAMELLA_NUM_THREADS", "1");
  CHECK(machine.limit().threads == 1);
  CHECK(machine.limit().limited_by == "LAMELLA_NUM_THREADS");
  CHECK(machine.limit(all).limited_by == "request");  // the argument goes before the variable
  CHECK(machine.limit(all).threads == all);
  const EnvironmentGuard many("LAMELLA_NUM_THREADS", "2147483647");
  CHECK(machine.limit().threads == all);
}

TEST_CASE("a cgroup quota is rounded up, and at least one thread", "[thread_limit]") {
  const CleanEnvironment clean;
  const Machine machine;
  const int all = machine.limit().threads;

  machine.set_quota("20000 100000\n");
  if (all > 1) {
    CHECK(machine.limit().threads == 1);
    CHECK(machine.limit().limited_by == "cgroup quota of 0.2 CPUs");
    CHECK(machine.limit(2).limited_by == "cgroup quota of 0.2 CPUs");
  }
  CHECK(machine.limit(1).limited_by == "request");

  machine.set_quota(std::to_string((all - 1) * 100000 + 50000) + " 100000\n");
  CHECK(machine.limit().threads == all);
  machine.set_quota("9000000000000000000 1\n");
  CHECK(machine.limit().threads == all);
}

TEST_CASE("malformed numbers of threads are errors", "[thread_limit]") {
  const CleanEnvironment clean;
  const Machine machine;
  CHECK_THROWS_AS(machine.limit(-1), BackendError);
  for (const char* text : {"", "0", "-1", "+1", " 1", "1 ", "1.5", "two", "0x2", "1e1",
                           "2147483648", "99999999999999999999"}) {
    CAPTURE(text);
    const EnvironmentGuard guard("LAMELLA_NUM_THREADS", text);
    CHECK_THROWS_WITH(machine.limit(), ContainsSubstring("LAMELLA_NUM_THREADS"));
    CHECK_THROWS_AS(machine.limit(), BackendError);
    CHECK(machine.limit(1).threads == 1);  // not consulted where the caller says it
  }
}

TEST_CASE("Slurm's processors of a task are a cap, below a request and lamella's own variable",
          "[thread_limit]") {
  const CleanEnvironment clean;
  const Machine machine;
  const int all = machine.limit().threads;
  const EnvironmentGuard one("SLURM_CPUS_PER_TASK", "1");
  CHECK(machine.limit().threads == 1);
  if (all > 1) CHECK(machine.limit().limited_by == "SLURM_CPUS_PER_TASK");
  CHECK(machine.limit(all).threads == all);
  CHECK(machine.limit(all).limited_by == "request");
  const EnvironmentGuard own("LAMELLA_NUM_THREADS", std::to_string(all).c_str());
  CHECK(machine.limit().threads == all);
  CHECK(machine.limit().limited_by == "LAMELLA_NUM_THREADS");
}

TEST_CASE("what is no number of processors in Slurm's variable limits nothing", "[thread_limit]") {
  const CleanEnvironment clean;
  const Machine machine;
  const int all = machine.limit().threads;
  for (const char* text :
       {"", "0", "-1", "1(x2)", "one", "1.5", " 1", "99999999999999999999", "4096"}) {
    CAPTURE(text);
    const EnvironmentGuard guard("SLURM_CPUS_PER_TASK", text);
    CHECK(machine.limit().threads == all);
    CHECK(machine.limit().limited_by != "SLURM_CPUS_PER_TASK");
  }
}

#if defined(__linux__)
TEST_CASE("the affinity mask limits the threads", "[thread_limit]") {
  const CleanEnvironment clean;
  const Machine machine;
  cpu_set_t before;
  if (sched_getaffinity(0, sizeof before, &before) != 0 || CPU_COUNT(&before) < 2) {
    WARN("this process has one processor: no mask can be smaller");
    return;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  for (std::size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  ThreadLimit limit;
  std::thread([&] {  // the mask is the thread's own
    if (sched_setaffinity(0, sizeof one, &one) == 0) limit = machine.limit(2);
  })
      .join();
  CHECK(limit.threads == 1);
  CHECK(limit.limited_by == "affinity mask");
}
#endif

}  // namespace
}  // namespace lamella::test
