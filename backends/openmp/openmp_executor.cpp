// The OpenMP executor: one parallel region per run. Knows threads, and nothing about arithmetic.
#include <omp.h>

#include <algorithm>

#include "backends/executor.h"

namespace lamella::backends {
namespace {

class OpenMpExecutor final : public Executor {
 public:
  explicit OpenMpExecutor(int threads)
      : threads_(std::max(1, std::min(threads, omp_get_thread_limit()))) {}

  int concurrency() const noexcept override { return omp_in_parallel() != 0 ? 1 : threads_; }

  void run(int workers, WorkerBody body) const noexcept override {
    if (workers <= 1 || concurrency() <= 1) {
      for (int worker = 0; worker < workers; ++worker) body(worker);
      return;
    }
    // Always the full team: libgomp ends threads when a region asks for fewer than the last one did
    // and starts them anew later, which costs far more than waking a thread that has nothing to do.
#pragma omp parallel num_threads(threads_)
    {
      // OpenMP may deliver fewer threads than asked for (OMP_DYNAMIC, OMP_THREAD_LIMIT), so each
      // thread strides by the team it really has. Thread i gets worker i whenever it can: a worker
      // then finds its rows in the cache of the core that wrote them in the last run.
      const int team = omp_get_num_threads();
      for (int worker = omp_get_thread_num(); worker < workers; worker += team) body(worker);
    }
  }

 private:
  int threads_;
};

}  // namespace

std::unique_ptr<Executor> make_openmp_executor(int threads) {
  return std::make_unique<OpenMpExecutor>(threads);
}

}  // namespace lamella::backends
