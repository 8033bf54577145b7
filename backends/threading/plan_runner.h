// Runs plans: on one thread, by a team in one parallel region, or call by call.
#ifndef LAMELLA_BACKENDS_THREADING_PLAN_RUNNER_H_
#define LAMELLA_BACKENDS_THREADING_PLAN_RUNNER_H_

#include <lamella/kernels.h>

#include "backends/executor.h"
#include "backends/kernel_table.h"
#include "backends/threading/adaptive_threading.h"

namespace lamella::backends {

/// All must outlive it.
template <class T>
class PlanRunner {
 public:
  PlanRunner(const KernelTable<T>& table, const Executor& executor, AdaptiveThreading& adaptive)
      : table_(table), executor_(executor), adaptive_(adaptive) {}

  /// Each worker makes every call of the plan, with kernels that share it out among all; one of
  /// them tells the observer, if there is one.
  void run(const Plan<T>& plan, PlanObserver<T>* observer) const noexcept;

 private:
  const KernelTable<T>& table_;
  const Executor& executor_;
  AdaptiveThreading& adaptive_;
};

extern template class PlanRunner<float>;
extern template class PlanRunner<double>;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_PLAN_RUNNER_H_
