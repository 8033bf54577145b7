// The OpenMP executor: one parallel region in each run.
//
// The join of a region waits for all threads of the team, whether they had a body to run or not,
// and the runtime offers a program no way around that. What helps where other processes take the
// processors is to have no region at all: see threading/adaptive_executor.h.
#include <omp.h>

#include <algorithm>
#include <limits>

#include "backends/executor.h"
#include "backends/openmp/ending_thread.h"
#include "backends/openmp/openmp_settings.h"
#include "core/platform/floating_point.h"
#include "core/platform/forked_process.h"
#include "core/platform/thread_probe.h"

namespace lamella::backends {
namespace {

/// The team that the runtime keeps for a calling thread: each has one of its own. If the program's
/// own regions change it in between, the executor does not learn of it.
struct CallerTeam {
  int size = 1;  ///< in the last region of an executor
  /// While threads are refused, the largest team that can be had.
  int most = std::numeric_limits<int>::max();
  detail::ThreadRefusal refusal;

  void refuse_more_than(int threads) noexcept {
    most = threads;
    refusal.begin();
  }
};
constinit thread_local CallerTeam caller_team;

class OpenMpExecutor final : public Executor {
 public:
  explicit OpenMpExecutor(int threads)
      : threads_(
            openmp_thread_is_ending() ? 1 : std::max(1, std::min(threads, omp_get_thread_limit()))),
        usual_threads_(threads_ == 1 ? 1 : omp_get_max_threads()),
        stack_bytes_(openmp_stack_bytes()) {}

  int concurrency() const noexcept override {
    const bool alone = threads_ == 1 || has_lost_threads() || detail::process_is_ending() ||
                       openmp_thread_is_ending() || omp_in_parallel() != 0;
    if (alone) return 1;
    int threads = threads_;
    // A number that has changed since the executor was made was set by omp_set_num_threads().
    const int usual = omp_get_max_threads();
    if (usual != usual_threads_ && usual >= 1) threads = std::min(threads, usual);
    if (caller_team.refusal.is_active()) threads = std::min(threads, caller_team.most);
    return threads;
  }
  bool has_lost_threads() const noexcept override { return openmp_threads_are_lost(); }

  void run(int workers, WorkerBody body) const noexcept override {
    const int threads = workers <= 1 ? 1 : concurrency();
    if (threads <= 1 || (threads != caller_team.size && !can_have_team(threads))) {
      for (int worker = 0; worker < workers; ++worker) body(worker);
      return;
    }
    // The team always has all threads. If a region asks for fewer than the last one did, libgomp
    // ends the others and starts new ones later, which costs far more than to wake a thread that
    // has nothing to do.
    const detail::FloatingPointControl control;
    int team_size = threads;
#pragma omp parallel num_threads(threads)
    {
      const detail::FloatingPointControl::Scope scope(control);
      // OpenMP may provide fewer threads than asked for (OMP_DYNAMIC), so the stride is the size of
      // the team that there is. Thread i gets worker i whenever it can: a worker then finds its
      // rows in the cache of the core that wrote them in the last run.
      const int team = omp_get_num_threads(), thread = omp_get_thread_num();
      if (thread == 0) team_size = team;
      for (int worker = thread; worker < workers; worker += team) body(worker);
    }
    // Else libgomp, which looks at the machine's load, would end and start threads at every call.
    if (team_size != threads) caller_team.refuse_more_than(caller_team.size = team_size);
  }

 private:
  /// Makes sure that the runtime can start the threads that the calling thread's team still lacks:
  /// it ends the program if it cannot.
  [[gnu::noinline]] bool can_have_team(int threads) const noexcept {
    CallerTeam& team = caller_team;
    const bool can = detail::threads_can_be_had(std::max(threads - team.size, 0), stack_bytes_);
    if (can)
      team.size = threads;
    else
      team.refuse_more_than(team.size);
    return can;
  }

  int threads_;
  int usual_threads_;  // omp_get_max_threads() when this was made
  std::size_t stack_bytes_;
};

}  // namespace

// In a child of fork() libgomp waits for the parent's threads for ever, whether the program,
// another library, or lamella has started them.
bool openmp_threads_are_lost() noexcept { return detail::fork_generation() != 0; }

std::unique_ptr<Executor> make_openmp_executor(int threads) {
  return std::make_unique<OpenMpExecutor>(threads);
}

}  // namespace lamella::backends
