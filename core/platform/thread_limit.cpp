// How many threads a backend may use: the smallest of what is asked for and what the machine
// grants.
#include "core/platform/thread_limit.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#endif

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/platform/cgroup.h"
#include "core/platform/environment.h"

namespace lamella {
namespace detail {
namespace {

/// Processors the scheduler may put this process on.
ThreadLimit processors() {
  const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#if defined(__linux__)
  // The kernel refuses (EINVAL) a set smaller than its own, so grow until it fits.
  for (int bits = 1024; bits <= 1 << 20; bits *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(bits));
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(bits));
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const bool too_small = !known && errno == EINVAL;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) {
      const bool restricted = count < static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
      return {count, restricted ? "affinity mask" : "processors of this machine"};
    }
    if (!too_small) break;
  }
#endif
  return {all, "processors of this machine"};
}

/// The processors that Slurm has allotted to a task, which it does not always bind to them. The
/// variable is not lamella's own, so what is no number of processors limits nothing.
int slurm_cpus_per_task() {
  constexpr int kAny = std::numeric_limits<int>::max();
  const char* const text = std::getenv("SLURM_CPUS_PER_TASK");
  if (text == nullptr) return kAny;
  int cpus = 0;
  const char* const end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, cpus);
  return parsed.ec == std::errc{} && parsed.ptr == end && cpus >= 1 ? cpus : kAny;
}

}  // namespace

ThreadLimit thread_limit_below(const std::filesystem::path& root, int requested) {
  if (requested < 0)
    throw BackendError(formatted(
        "{} threads were requested; ask for at least 1, or 0 to leave it to lamella", requested));

  ThreadLimit limit = processors();
  if (const auto quota = cgroup_cpu_quota(root)) {
    // Rounded up: with 1.5 CPUs two threads get more done than one.
    const double threads = std::ceil(*quota);
    if (threads < limit.threads)
      limit = {static_cast<int>(threads), formatted("cgroup quota of {:.4g} CPUs", *quota)};
  }
  if (requested > 0) {
    if (requested <= limit.threads) limit = {requested, "request"};
  } else if (const auto wanted = environment_positive_int("LAMELLA_NUM_THREADS")) {
    if (*wanted <= limit.threads) limit = {*wanted, "LAMELLA_NUM_THREADS"};
  } else if (const int allotted = slurm_cpus_per_task(); allotted < limit.threads) {
    limit = {allotted, "SLURM_CPUS_PER_TASK"};
  }
  return limit;
}

}  // namespace detail

ThreadLimit thread_limit(int requested) { return detail::thread_limit_below("/", requested); }

}  // namespace lamella
