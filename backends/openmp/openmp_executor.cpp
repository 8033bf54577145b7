// The OpenMP executor: one parallel region in each run.
//
// The join of a region waits for all threads of the team, whether they had a body to run or not,
// and the runtime offers a program no way around that. What helps where other processes take the
// processors is to have no region at all: see threading/adaptive_executor.h.
#include <omp.h>

#include <algorithm>

#include "backends/executor.h"
#include "backends/floating_point_control.h"
#include "core/platform/forked_process.h"

namespace lamella::backends {
namespace {

class OpenMpExecutor final : public Executor {
 public:
  explicit OpenMpExecutor(int threads)
      : threads_(std::max(1, std::min(threads, omp_get_thread_limit()))) {}

  int concurrency() const noexcept override {
    const bool alone = has_lost_threads() || detail::process_is_ending() || omp_in_parallel() != 0;
    return alone ? 1 : threads_;
  }
  bool has_lost_threads() const noexcept override { return openmp_threads_are_lost(); }

  void run(int workers, WorkerBody body) const noexcept override {
    if (workers <= 1 || concurrency() <= 1) {
      for (int worker = 0; worker < workers; ++worker) body(worker);
      return;
    }
    // The team always has all threads. If a region asks for fewer than the last one did, libgomp
    // ends the others and starts new ones later, which costs far more than to wake a thread that
    // has nothing to do.
    const FloatingPointControl control;
#pragma omp parallel num_threads(threads_)
    {
      const FloatingPointControl::Scope scope(control);
      // OpenMP may provide fewer threads than asked for (OMP_DYNAMIC, OMP_THREAD_LIMIT), so the
      // stride is the size of the team that there is. Thread i gets worker i whenever it can: a
      // worker then finds its rows in the cache of the core that wrote them in the last run.
      const int team = omp_get_num_threads();
      for (int worker = omp_get_thread_num(); worker < workers; worker += team) body(worker);
    }
  }

 private:
  int threads_;
};

}  // namespace

// In a child of fork() libgomp waits for the parent's threads for ever, whoever has started them:
// the program, another library, or lamella.
bool openmp_threads_are_lost() noexcept { return detail::fork_generation() != 0; }

std::unique_ptr<Executor> make_openmp_executor(int threads) {
  return std::make_unique<OpenMpExecutor>(threads);
}

}  // namespace lamella::backends
