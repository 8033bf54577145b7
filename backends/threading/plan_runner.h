// Runs plans: on one thread, by a team in one parallel region, or call by call.
//
// What depends on a plan alone is worked out once, by prepare(), and kept with the plan. Not here:
// the kernels (driver/), and how the members of a team share out a call (team.h).
#ifndef LAMELLA_BACKENDS_THREADING_PLAN_RUNNER_H_
#define LAMELLA_BACKENDS_THREADING_PLAN_RUNNER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include <lamella/kernels.h>

#include "backends/adaptive_threading.h"
#include "backends/driver/blocked_kernels.h"
#include "backends/kernel_table.h"
#include "backends/threading/adaptive_executor.h"
#include "backends/threading/plan_tuners.h"
#include "backends/threading/product_tuners.h"

namespace lamella::backends {

/// What is known of a plan before it runs. Nothing here depends on what may change from one run to
/// the next: where samples and labels stand, and factors such as the learning rate.
struct PlanTraits {
  double flops = 0;  ///< of its products
  /// For each call, if products can pack the mini-batch from the stored samples; else empty.
  std::vector<BatchUse> batch_uses;
  int concurrency = 1;                 ///< for which the others hold
  int workers = 1;                     ///< that its widest call keeps busy
  int phases = 0;                      ///< parallel regions, if each call had its own
  std::shared_ptr<SharedTuner> tuner;  ///< null: the plan is not tuned
};

/// May be used by several threads at once.
template <class T>
class PlanRunner {
 public:
  /// All must outlive the runner.
  PlanRunner(const KernelTable<T>& table, const AdaptiveExecutor& executor,
             const ThreadingOptions& options, ProductTuners& products);

  /// Kernels::prepare.
  std::shared_ptr<const PlanAnalysis> prepare(const Plan<T>& plan) const;

  /// Kernels::run. A plan that this runner has not prepared is analysed on the spot.
  void run(const Plan<T>& plan) const noexcept { run(plan, nullptr); }
  /// Kernels::run_observed. One of the workers tells the observer.
  void run(const Plan<T>& plan, PlanObserver<T>& observer) const noexcept { run(plan, &observer); }

 private:
  enum class Mode : std::uint8_t {
    single_threaded,
    team,            ///< each worker makes every call, and all share out its work
    phase_by_phase,  ///< each call has a parallel region of its own, or none
  };
  struct Choice {
    Mode mode;
    bool timed;
  };
  class Analysis;
  class Run;

  PlanTraits traits_of(const Plan<T>& plan, int concurrency) const noexcept;
  Choice choose(const PlanTraits& traits) const noexcept;
  void run(const Plan<T>& plan, PlanObserver<T>* observer) const noexcept;
  void run(const Plan<T>& plan, PlanObserver<T>* observer, const PlanTraits& traits) const noexcept;
  void run_on_one_thread(const Plan<T>& plan, PlanObserver<T>* observer,
                         const PlanTraits& traits) const noexcept;
  int concurrency() const noexcept;

  const KernelTable<T>& table_;
  const AdaptiveExecutor& executor_;
  const ThreadingOptions& options_;
  ProductTuners& products_;  // of plans that run phase by phase
  const std::uint64_t id_;   // no other runner of the process has it
  mutable PlanTuners tuners_;
};

extern template class PlanRunner<float>;
extern template class PlanRunner<double>;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_PLAN_RUNNER_H_
