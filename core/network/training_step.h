// One training step at a time: the mini-batch it learns from, and the plan of kernel calls for it.
//
// Plans are kept for the last few batch sizes, so that a step with a known one builds and allocates
// nothing. Not here: what the calls are (plan_builder.h), and running them (network.cpp).
#ifndef LAMELLA_CORE_NETWORK_TRAINING_STEP_H_
#define LAMELLA_CORE_NETWORK_TRAINING_STEP_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <lamella/network.h>

#include "core/network/parameters.h"
#include "core/network/plan_builder.h"
#include "core/network/workspace.h"

namespace lamella::detail {

/// Loss and correct predictions of a batch whose plan has run. Losses are summed in an order that
/// depends on the number of samples alone.
template <class T>
BatchResult batch_result(const BatchViews<T>& batch, double weight_sum);

/// A training step in order: input() or gather(), set_batch(), a plan, the run of that plan, and
/// then finish_update() or result().
template <class T>
class TrainingStep {
 public:
  /// `spec` and `parameters` must outlive it.
  TrainingStep(const NetworkSpec& spec, const Parameters<T>& parameters);

  /// Network::batch_input.
  View<T> input(index_t samples);

  /// Network::gather_batch: the next plan begins with this call, and consumes the mini-batch.
  void gather(const GatherBytes<T>& batch, const std::optional<MoveImages<T>>& moves = {});

  /// Checks labels, weights, dropout and loss for the samples of the last input() or gather(), then
  /// copies them to the workspace, all but the sample numbers of dropout, which must stay until the
  /// plan has run. Throws ArgumentError, opened by `where`, before it changes anything.
  void set_batch(std::string_view where, std::span<const std::int32_t> labels,
                 std::span<const T> weights, const Dropout& dropout, const Loss& loss);

  /// The plan that updates the parameters by the batch that is set. Valid until the next call; an
  /// `analysis` that the caller adds to it is kept for as long as it holds. The optimiser's memory
  /// does not change before the plan runs, and its number of steps not before finish_update().
  Plan<T>& next_update_plan(const Optimizer& optimizer, const Regularization& regularization);
  /// Counts the step of the last next_update_plan(), which has run without a failure, and returns
  /// what it has found.
  BatchResult finish_update();

  /// A plan that writes the gradients of the batch that is set; see PlanBuilder::add_gradients.
  Plan<T> gradients(T weight_decay, std::span<const LayerView<T>> gradients);
  /// What the last plan has found, which has run without a failure.
  BatchResult result() const { return batch_result(batch_, weight_sum_); }

  /// Network::reset_optimizer.
  void reset_optimizer();

  /// What optimisers remember; empty before the first step that needs it. Checkpoints write and set
  /// them.
  std::optional<Parameters<T>>& velocity() { return velocity_; }
  const std::optional<Parameters<T>>& velocity() const { return velocity_; }
  std::optional<AdamState<T>>& adam() { return adam_; }
  const std::optional<AdamState<T>>& adam() const { return adam_; }

 private:
  // Batch sizes with a plan. An epoch has two: full batches, and the last partial one.
  static constexpr std::size_t kPlans = 4;

  struct CachedPlan {
    index_t samples = 0;  // 0: none
    Optimizer optimizer;
    Regularization regularization;
    std::vector<double> dropout;  // rates_
    std::uint64_t last_use = 0;
    StepPlan<T> step;
  };

  CachedPlan& cache_entry();
  // Builds the plan of an entry anew. It keeps the analysis of the old one if that still holds, and
  // allocates nothing if the old plan was as long.
  void build(CachedPlan& entry, const Optimizer& optimizer, const Regularization& regularization);
  PlanBuilder<T> forward_and_loss(StepPlan<T>& step, RunningStatistics statistics) const;
  // Adds the calls behind the loss: gradients and updates.
  void add_update(PlanBuilder<T>& builder, const SgdOptions& options);
  void add_update(PlanBuilder<T>& builder, const AdamOptions& options);
  GradientBuffer<T>& gradient_buffer();
  // Writes into a plan what differs between two batches of one size, the samples to gather and to
  // draw masks for, the weights of the loss and its smoothing, and consumes the gathered batch.
  // What it writes has been checked by gather() and set_batch(), as the calls themselves have been
  // when the plan was built.
  void patch(StepPlan<T>& step);

  const NetworkSpec& spec_;
  const Parameters<T>& parameters_;
  Workspace<T> workspace_;
  BatchViews<T> batch_;                   // of the last input()
  std::optional<GatherBytes<T>> gather_;  // the call that is to write it, if the caller has not
  std::optional<MoveImages<T>> moves_;    // what makes the bytes of gather_, if anything
  bool consumed_ = false;                 // the samples of the last gather() are in a plan already
  bool weighted_ = false;
  double weight_sum_ = 0;
  double label_smoothing_ = 0;
  Dropout dropout_;
  std::vector<double> rates_;  // of dropout, of the input and of each hidden layer; empty: none
  // What optimisers remember, from the first step on that needs it.
  std::optional<Parameters<T>> velocity_;
  std::optional<AdamState<T>> adam_;
  std::optional<GradientBuffer<T>> gradient_buffer_;
  std::array<CachedPlan, kPlans> plans_;
  StepPlan<T> replaced_;  // room for the next plan to be built, and the one before it meanwhile
  std::uint64_t uses_ = 0;
  bool adam_step_is_due_ = false;  // next_update_plan() was Adam's, and is not yet counted
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_TRAINING_STEP_H_
