// The choice between one thread and a team for a single product. Plans go to the plan runner.
#include "backends/threading/threaded_kernels.h"

#include "backends/threading/plan_key.h"
#include "backends/threading/plan_runner.h"

namespace lamella::backends {
namespace {

/// Products by themselves are tuned between these: asking the tuner takes 40 ns or so, and from
/// 128³ on threads always pay.
constexpr double kFewestTunedFlops = 0.5e6, kMostTunedFlops = 4e6;

/// Takes more workers for less work than the executor itself would: whether they pay is tried.
class EagerExecutor final : public Executor {
 public:
  explicit EagerExecutor(const Executor& executor) : executor_(executor) {}
  int concurrency() const noexcept override { return executor_.concurrency(); }
  void run(int workers, WorkerBody body) const noexcept override { executor_.run(workers, body); }
  double start_cost() const noexcept override { return 0.5 * executor_.start_cost(); }

 private:
  const Executor& executor_;
};

}  // namespace

template <class T>
void TunedKernels<T>::gemm(const Gemm<T>& call) const noexcept {
  TunedKernels::fused_gemm({call, {}});
}

template <class T>
void TunedKernels<T>::fused_gemm(const FusedGemm<T>& call) const noexcept {
  if (this->executor().concurrency() == 1) return BlockedKernels<T>::fused_gemm(call);
  Work work;
  work.add(call.gemm);
  if (work.flops < kFewestTunedFlops || work.flops > kMostTunedFlops)
    return BlockedKernels<T>::fused_gemm(call);

  using Clock = ThreadingTuner::Clock;
  const Clock::time_point called = Clock::now();
  const ThreadingTuner::Way way = adaptive_.tuner.way_of(work.key, called);
  if (way.team) {
    const EagerExecutor team(this->executor());
    BlockedKernels<T>(this->table(), team).fused_gemm(call);
  } else {
    const SerialExecutor one_thread;
    BlockedKernels<T>(this->table(), one_thread).fused_gemm(call);
  }
  if (way.timed) {
    const Clock::time_point ended = Clock::now();
    adaptive_.tuner.ran(work.key, way.team, ended - called, ended);
  }
}

template <class T>
void ThreadedKernels<T>::run(const Plan<T>& plan) const noexcept {
  PlanRunner<T>(this->table(), this->executor(), this->adaptive()).run(plan, nullptr);
}

template <class T>
void ThreadedKernels<T>::run_observed(const Plan<T>& plan,
                                      PlanObserver<T>& observer) const noexcept {
  PlanRunner<T>(this->table(), this->executor(), this->adaptive()).run(plan, &observer);
}

template class TunedKernels<float>;
template class TunedKernels<double>;
template class ThreadedKernels<float>;
template class ThreadedKernels<double>;

}  // namespace lamella::backends
