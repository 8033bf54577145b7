// Start reading at choose() and at the last run().
#include "backends/threading/plan_runner.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <variant>

#include "backends/driver/blocked_kernels.h"
#include "backends/threading/team.h"
#include "backends/threading/threading_trace.h"
#include "backends/threading/tuned_kernels.h"

namespace lamella::backends {
namespace {

/// Plans of more flops than this, a millisecond of one core, gain by a team; they are not tuned.
constexpr double kSurelyForTeams = 100e6;

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

template <class T>
double flops_of(const Plan<T>& plan) {
  double flops = 0;
  for (const KernelCall<T>& call : plan.calls)
    if (const auto* product = std::get_if<FusedGemm<T>>(&call))
      flops += 2.0 * static_cast<double>(product->gemm.c.size()) *
               static_cast<double>(product->gemm.a.cols);
  return flops;
}

/// The call that gathers the mini-batch, if products can pack it instead; else null.
template <class T>
const GatherBytes<T>* batch_to_pack(const Plan<T>& plan, const PlanTraits& traits) {
  const auto gather = std::ranges::find(traits.batch_uses, BatchUse::gathers);
  if (gather == traits.batch_uses.end()) return nullptr;
  return std::get_if<GatherBytes<T>>(
      &plan.calls[static_cast<std::size_t>(gather - traits.batch_uses.begin())]);
}

/// One call of a plan whose mini-batch products pack.
template <class T>
void make_call(const KernelCall<T>& call, BatchUse use, const BlockedKernels<T>& kernels,
               PackedBatch<T>& batch) {
  switch (use) {
    case BatchUse::gathers:
      return;
    case BatchUse::samples_are_columns:
      return kernels.fused_gemm_of_batch(std::get<FusedGemm<T>>(call), batch, SampleAxis::columns);
    case BatchUse::samples_are_rows:
      return kernels.fused_gemm_of_batch(std::get<FusedGemm<T>>(call), batch, SampleAxis::rows);
    case BatchUse::none:
      return dispatch<T>(kernels, call);
  }
}

/// A plan goes through the kernels of one worker, with the worker's mini-batch if there is one.
template <class T>
void make_calls(const Plan<T>& plan, const PlanTraits& traits, PlanObserver<T>* observer,
                const BlockedKernels<T>& kernels, std::optional<PackedBatch<T>> batch) {
  if (!batch)
    return observer != nullptr ? kernels.run_observed(plan, *observer) : kernels.run(plan);
  if (observer != nullptr) observer->begin();
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    make_call(plan.calls[i], traits.batch_uses[i], kernels, *batch);
    if (observer != nullptr) observer->done(plan.calls[i]);
  }
}

}  // namespace

/// What a plan keeps.
template <class T>
class PlanRunner<T>::Analysis final : public PlanAnalysis {
 public:
  Analysis(std::uint64_t runner, PlanTraits given)
      : PlanAnalysis(runner), traits(std::move(given)) {}

  const PlanTraits traits;
};

/// Times a run for the tuner, from the choice to the end of the scope.
template <class T>
class PlanRunner<T>::Run {
 public:
  Run(const PlanRunner& runner, const Plan<T>& plan, const PlanTraits& traits)
      : runner_(runner), plan_(plan), traits_(traits), choice_(runner.choose(traits)) {
    if (choice_.timed) begun_ = runner_.options_.clock.now();
  }
  ~Run() {
    if (!choice_.timed) return;
    const ThreadingClock::Time now = runner_.options_.clock.now();
    const auto mode =
        choice_.mode == Mode::team ? ThreadingMode::team : ThreadingMode::single_threaded;
    const auto decision = traits_.tuner->record(mode, now - begun_, now);
    if (decision && runner_.options_.trace != nullptr)
      trace_decision(runner_.options_.trace,
                     plan_subject(sizeof(T), plan_.calls.size(), traits_.flops), *decision,
                     traits_.workers);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Mode mode() const { return choice_.mode; }

 private:
  const PlanRunner& runner_;
  const Plan<T>& plan_;
  const PlanTraits& traits_;
  const Choice choice_;
  ThreadingClock::Time begun_{};
};

template <class T>
PlanRunner<T>::PlanRunner(const KernelTable<T>& table, const AdaptiveExecutor& executor,
                          const ThreadingOptions& options, ProductTuners& products)
    : table_(table), executor_(executor), options_(options), products_(products), id_(next_id()) {}

template <class T>
std::shared_ptr<const PlanAnalysis> PlanRunner<T>::prepare(const Plan<T>& plan) const {
  const int concurrency = std::min(executor_.threads(), Team::kMaxParts);
  return std::make_shared<Analysis>(id_, traits_of(plan, concurrency));
}

template <class T>
PlanTraits PlanRunner<T>::traits_of(const Plan<T>& plan, int concurrency) const noexcept {
  PlanTraits traits;
  traits.flops = flops_of(plan);
  const DryRunExecutor dry_run(concurrency);
  const BlockedKernels<T> kernels(table_, dry_run);
  traits.batch_uses = kernels.batch_uses(plan);
  traits.concurrency = concurrency;
  if (concurrency == 1) return traits;
  // Nothing is packed in a dry run, so the batch needs no memory.
  std::optional<PackedBatch<T>> batch;
  if (const GatherBytes<T>* const samples = batch_to_pack(plan, traits))
    batch.emplace(table_, *samples, nullptr);
  make_calls<T>(plan, traits, nullptr, kernels, batch);
  traits.workers = dry_run.widest();
  traits.phases = dry_run.phases();
  if (options_.adaptive && traits.workers > 1 && traits.flops <= kSurelyForTeams)
    traits.tuner = tuners_.tuner_of(plan);
  return traits;
}

template <class T>
int PlanRunner<T>::concurrency() const noexcept {
  return std::min(executor_.concurrency(), Team::kMaxParts);
}

template <class T>
typename PlanRunner<T>::Choice PlanRunner<T>::choose(const PlanTraits& traits) const noexcept {
  if (traits.workers == 1) return {Mode::single_threaded, false};
  if (traits.phases > Team::kMaxPhases) return {Mode::phase_by_phase, false};
  if (traits.tuner == nullptr) return {Mode::team, false};
  const ThreadingChoice choice = traits.tuner->choose(options_.clock.now());
  return {choice.mode == ThreadingMode::team ? Mode::team : Mode::single_threaded, choice.timed};
}

template <class T>
void PlanRunner<T>::run(const Plan<T>& plan, PlanObserver<T>* observer) const noexcept {
  const int concurrency = this->concurrency();
  if (plan.analysis != nullptr && plan.analysis->maker() == id_) {
    const PlanTraits& prepared = static_cast<const Analysis&>(*plan.analysis).traits;
    if (concurrency == prepared.concurrency) return run(plan, observer, prepared);
    if (concurrency == 1) {  // during a back-off, or in somebody's parallel region
      return run_on_one_thread(plan, observer, prepared);
    }
  }
  run(plan, observer, traits_of(plan, concurrency));
}

template <class T>
void PlanRunner<T>::run(const Plan<T>& plan, PlanObserver<T>* observer,
                        const PlanTraits& traits) const noexcept {
  const Run timed(*this, plan, traits);
  if (timed.mode() == Mode::phase_by_phase)
    return make_calls<T>(plan, traits, observer,
                         TunedKernels<T>(table_, executor_, options_, products_), std::nullopt);
  if (timed.mode() == Mode::single_threaded) return run_on_one_thread(plan, observer, traits);
  const PackedBatchOfWorkers<T> batches(table_, batch_to_pack(plan, traits), traits.concurrency);
  Team team;
  executor_.run_team(traits.workers, [&](int worker) {
    const TeamMember member(team, worker, traits.concurrency);
    make_calls(plan, traits, worker == 0 ? observer : nullptr, BlockedKernels<T>(table_, member),
               batches.of(worker));
  });
}

template <class T>
void PlanRunner<T>::run_on_one_thread(const Plan<T>& plan, PlanObserver<T>* observer,
                                      const PlanTraits& traits) const noexcept {
  const PackedBatchOfWorkers<T> batch(table_, batch_to_pack(plan, traits), 1);
  const SerialExecutor one_thread;
  make_calls(plan, traits, observer, BlockedKernels<T>(table_, one_thread), batch.of(0));
}

template class PlanRunner<float>;
template class PlanRunner<double>;

}  // namespace lamella::backends
