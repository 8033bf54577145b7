// The kernels that a built-in backend exposes: its small products are tuned, and its plans run in
// one parallel region.
//
// Not here: the kernels themselves (driver/), tuned products (tuned_kernels.h), and how a plan runs
// (plan_runner.h).
#ifndef LAMELLA_BACKENDS_THREADING_THREADED_KERNELS_H_
#define LAMELLA_BACKENDS_THREADING_THREADED_KERNELS_H_

#include <memory>

#include <lamella/kernels.h>

#include "backends/threading/plan_runner.h"
#include "backends/threading/tuned_kernels.h"

namespace lamella::backends {

template <class T>
class ThreadedKernels final : public TunedKernels<T> {
 public:
  /// All must outlive the kernels.
  ThreadedKernels(const KernelTable<T>& table, const AdaptiveExecutor& executor,
                  const ThreadingOptions& options, ProductTuners& tuners)
      : TunedKernels<T>(table, executor, options, tuners),
        runner_(table, executor, options, tuners) {}

  std::shared_ptr<const PlanAnalysis> prepare(const Plan<T>& plan) const override {
    return runner_.prepare(plan);
  }
  void run(const Plan<T>& plan) const noexcept override { runner_.run(plan); }
  void run_observed(const Plan<T>& plan, PlanObserver<T>& observer) const noexcept override {
    runner_.run(plan, observer);
  }

 private:
  PlanRunner<T> runner_;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_THREADED_KERNELS_H_
