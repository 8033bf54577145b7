// The kernels that a built-in backend exposes: blocked kernels, with a choice between one thread
// and a team for each small product, and plans run in one parallel region.
//
// Not here: the kernels themselves (driver/) and how a plan runs (plan_runner.h).
#ifndef LAMELLA_BACKENDS_THREADING_THREADED_KERNELS_H_
#define LAMELLA_BACKENDS_THREADING_THREADED_KERNELS_H_

#include <lamella/kernels.h>

#include "backends/driver/blocked_kernels.h"
#include "backends/threading/adaptive_threading.h"

namespace lamella::backends {

/// Blocked kernels whose small products run on one thread or on a team, whichever has been faster.
template <class T>
class TunedKernels : public BlockedKernels<T> {
 public:
  /// All must outlive the kernels.
  TunedKernels(const KernelTable<T>& table, const Executor& executor, AdaptiveThreading& adaptive)
      : BlockedKernels<T>(table, executor), adaptive_(adaptive) {}

  void gemm(const Gemm<T>& call) const noexcept override;
  void fused_gemm(const FusedGemm<T>& call) const noexcept override;

 protected:
  AdaptiveThreading& adaptive() const { return adaptive_; }

 private:
  AdaptiveThreading& adaptive_;
};

/// Tuned kernels that run plans through a PlanRunner.
template <class T>
class ThreadedKernels final : public TunedKernels<T> {
 public:
  using TunedKernels<T>::TunedKernels;

  /// The whole plan in one parallel region, where that pays.
  void run(const Plan<T>& plan) const noexcept override;
  void run_observed(const Plan<T>& plan, PlanObserver<T>& observer) const noexcept override;
};

extern template class TunedKernels<float>;
extern template class TunedKernels<double>;
extern template class ThreadedKernels<float>;
extern template class ThreadedKernels<double>;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_THREADED_KERNELS_H_
