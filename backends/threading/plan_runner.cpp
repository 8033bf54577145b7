// How plans run: in one parallel region, with a team or on one thread.
#include "backends/threading/plan_runner.h"

#include <algorithm>
#include <optional>

#include "backends/driver/blocked_kernels.h"
#include "backends/driver/packed_batch.h"
#include "backends/threading/plan_key.h"
#include "backends/threading/team.h"
#include "backends/threading/threaded_kernels.h"

namespace lamella::backends {
namespace {

/// Plans of more flops than this, a millisecond of one core, gain by a team; they are not tuned.
constexpr double kSurelyForTeams = 100e6;

}  // namespace

template <class T>
void PlanRunner<T>::run(const Plan<T>& plan, PlanObserver<T>* observer) const noexcept {
  const auto go_through = [&](const BlockedKernels<T>& kernels, int worker) {
    if (observer != nullptr && worker == 0)
      kernels.run_observed(plan, *observer);
    else
      kernels.run(plan);
  };
  const int concurrency = std::min(executor_.concurrency(), Team::kMaxParts);
  const PackedBatchOfWorkers<T> batches(
      table_, BlockedKernels<T>(table_, executor_).samples_to_pack(plan), concurrency);
  const auto go_as_worker = [&](const Executor& executor, int worker) {
    if (std::optional<PackedBatch<T>> batch = batches.of(worker))
      go_through(BlockedKernels<T>(table_, executor, *batch), worker);
    else
      go_through(BlockedKernels<T>(table_, executor), worker);
  };
  const auto alone = [&] { go_as_worker(SerialExecutor(), 0); };
  if (concurrency == 1) return alone();
  using Clock = LateTeamBackoff::Clock;
  const Clock::time_point called = Clock::now();
  if (!adaptive_.backoff.worth_calling(called)) return alone();
  const Work work = work_of(plan);
  const bool is_tried = work.flops < kSurelyForTeams;
  if (is_tried && adaptive_.tuner.goes_alone(work.key, called)) return alone();
  const DryRunExecutor counter(concurrency);
  if (std::optional<PackedBatch<T>> batch = batches.of(0))
    BlockedKernels<T>(table_, counter, *batch).run(plan);
  else
    BlockedKernels<T>(table_, counter).run(plan);
  const int workers = counter.widest();
  if (workers == 1) return alone();
  if (counter.phases() > Team::kMaxPhases)
    return go_through(TunedKernels<T>(table_, executor_, adaptive_), 0);

  ThreadingTuner::Way way{true, false};
  if (is_tried) way = adaptive_.tuner.way_of(work.key, called);
  if (way.team) {
    Team team;
    Clock::time_point begun, done;  // of worker 0
    executor_.run(workers, [&](int worker) {
      const TeamMember member(team, worker, concurrency);
      if (worker == 0) begun = Clock::now();
      go_as_worker(member, worker);
      if (worker == 0) done = Clock::now();
    });
    const Clock::time_point ended = Clock::now();
    adaptive_.backoff.waited((begun - called) + (ended - done), ended);
  } else {
    alone();
  }
  if (way.timed) {
    const Clock::time_point ended = Clock::now();
    adaptive_.tuner.ran(work.key, way.team, ended - called, ended);
  }
}

template class PlanRunner<float>;
template class PlanRunner<double>;

}  // namespace lamella::backends
