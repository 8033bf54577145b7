// How plans run, in one parallel region and with a team or alone, and products too small to say by
// their size which of the two is faster.
#include <algorithm>
#include <cstdint>
#include <variant>

#include "backends/driver/blocked_kernels.h"
#include "backends/threading/team.h"

namespace lamella::backends {
namespace {

/// Plans of more flops than this, a millisecond of one core, gain by a team; they are not tried.
constexpr double kSurelyForTeams = 100e6;

/// Products by themselves are tried between these: asking the trials takes 40 ns or so, and from
/// 128³ on threads always pay.
constexpr double kFewestTriedFlops = 0.5e6, kMostTriedFlops = 4e6;

/// What tells a plan from others as far as its time goes, and how much arithmetic it is.
struct Work {
  std::uint64_t key = 0;
  double flops = 0;

  void mix(index value) {
    key = (key ^ static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15u;
    key ^= key >> 32;
  }
  template <class T>
  void add(const Gemm<T>& g) {
    mix(g.c.rows);
    mix(g.c.cols);
    mix(g.a.cols);
    flops += 2.0 * static_cast<double>(g.c.size()) * static_cast<double>(g.a.cols);
  }
};

template <class T>
Work work_of(const Plan<T>& plan) {
  Work work;
  for (const KernelCall<T>& call : plan.calls) {
    work.mix(static_cast<index>(call.index()));
    if (const auto* product = std::get_if<FusedGemm<T>>(&call)) work.add(product->gemm);
  }
  return work;
}

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
void BlockedKernels<T>::run_in_one_region(const Plan<T>& plan,
                                          PlanObserver<T>* observer) const noexcept {
  const auto go_through = [&](const BlockedKernels& drivers, int worker) {
    if (observer != nullptr && worker == 0)
      drivers.Kernels<T>::run_observed(plan, *observer);
    else
      drivers.Kernels<T>::run(plan);
  };
  const int concurrency = std::min(executor_.concurrency(), Team::kMaxParts);
  const PackedBatchOfWorkers<T> samples(table_, samples_to_pack(plan), concurrency);
  const auto alone = [&] {
    const SerialExecutor serial;
    go_through(BlockedKernels(table_, serial, samples.of(0)), 0);
  };
  if (concurrency == 1) return alone();
  using Clock = Attendance::Clock;
  const Clock::time_point called = Clock::now();
  if (!experience_->attendance.worth_calling(called)) return alone();
  const Work work = work_of(plan);
  const bool is_tried = work.flops < kSurelyForTeams;
  if (is_tried && experience_->trials.goes_alone(work.key, called)) return alone();
  const DryRunExecutor counter(concurrency);
  BlockedKernels(table_, counter, samples.of(0)).Kernels<T>::run(plan);
  const int workers = counter.widest();
  if (workers == 1) return alone();
  if (counter.phases() > Team::kMaxPhases) return go_through(*this, 0);

  Trials::Way way{true, false};
  if (is_tried) way = experience_->trials.way_of(work.key, called);
  if (way.team) {
    Team team;
    Clock::time_point begun, done;  // of worker 0
    executor_.run(workers, [&](int worker) {
      const TeamMember member(team, worker, concurrency);
      if (worker == 0) begun = Clock::now();
      go_through(BlockedKernels(table_, member, samples.of(worker)), worker);
      if (worker == 0) done = Clock::now();
    });
    const Clock::time_point ended = Clock::now();
    experience_->attendance.waited((begun - called) + (ended - done), ended);
  } else {
    alone();
  }
  if (way.timed) {
    const Clock::time_point ended = Clock::now();
    experience_->trials.ran(work.key, way.team, ended - called, ended);
  }
}

template <class T>
bool BlockedKernels<T>::run_tried(const FusedGemm<T>& call) const noexcept {
  if (experience_ == nullptr || executor_.concurrency() == 1) return false;
  Work work;
  work.add(call.gemm);
  if (work.flops < kFewestTriedFlops || work.flops > kMostTriedFlops) return false;

  using Clock = Trials::Clock;
  const Clock::time_point called = Clock::now();
  const Trials::Way way = experience_->trials.way_of(work.key, called);
  const SerialExecutor alone;
  const EagerExecutor team(executor_);
  BlockedKernels(table_, way.team ? static_cast<const Executor&>(team) : alone, std::nullopt)
      .fused_gemm(call);
  if (way.timed) {
    const Clock::time_point ended = Clock::now();
    experience_->trials.ran(work.key, way.team, ended - called, ended);
  }
  return true;
}

template <class T>
void BlockedKernels<T>::run(const Plan<T>& plan) const noexcept {
  run_in_one_region(plan, nullptr);
}

template <class T>
void BlockedKernels<T>::run_observed(const Plan<T>& plan,
                                     PlanObserver<T>& observer) const noexcept {
  run_in_one_region(plan, &observer);
}

template void BlockedKernels<float>::run_in_one_region(const Plan<float>&,
                                                       PlanObserver<float>*) const noexcept;
template void BlockedKernels<double>::run_in_one_region(const Plan<double>&,
                                                        PlanObserver<double>*) const noexcept;
template void BlockedKernels<float>::run(const Plan<float>&) const noexcept;
template void BlockedKernels<double>::run(const Plan<double>&) const noexcept;
template void BlockedKernels<float>::run_observed(const Plan<float>&,
                                                  PlanObserver<float>&) const noexcept;
template void BlockedKernels<double>::run_observed(const Plan<double>&,
                                                   PlanObserver<double>&) const noexcept;
template bool BlockedKernels<float>::run_tried(const FusedGemm<float>&) const noexcept;
template bool BlockedKernels<double>::run_tried(const FusedGemm<double>&) const noexcept;

}  // namespace lamella::backends
