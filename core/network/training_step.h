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

namespace lamella {

/// Loss and hits of a batch whose plan has run; losses are summed in the order of the samples.
template <class T>
BatchResult batch_result(const BatchViews<T>& batch, double weight_sum);

template <class T>
class TrainingStep {
 public:
  /// `spec` and `parameters` must outlive it.
  TrainingStep(const NetworkSpec& spec, const Parameters<T>& parameters);

  /// Network::batch_input.
  View<T> input(index_t samples);

  /// Network::gather_batch: the next plan begins with it, and consumes it.
  void gather(const GatherBytes<T>& batch);

  /// Checks labels, weights and dropout for the samples of the last input(), then copies them or
  /// what follows from them to the workspace. Throws ArgumentError, opened by `where`, before it
  /// changes anything.
  void load(std::string_view where, std::span<const std::int32_t> labels,
            std::span<const T> weights, const Dropout& dropout);

  /// The plan that takes a step of descent on the batch loaded. Valid until the next call; what the
  /// caller has kept in its `analysis` stays for as long as it holds.
  Plan<T>& descent(const Optimizer& optimizer);
  /// A plan that writes the gradients of the batch loaded; see PlanBuilder::add_gradients.
  Plan<T> gradients(T weight_decay, std::span<const LayerView<T>> gradients);

  /// What the plan, once run, has found.
  BatchResult result() const { return batch_result(batch_, weight_sum_); }

  /// Network::reset_optimizer.
  void reset_optimizer();

 private:
  // Batch sizes with a plan. An epoch has two: full batches, and the last partial one.
  static constexpr std::size_t kPlans = 4;

  struct CachedPlan {
    index_t samples = 0;  // 0: none
    Optimizer optimizer;
    double dropout = 0;
    bool gathers = false;  // its first call is a GatherBytes
    std::uint64_t last_use = 0;
    Plan<T> plan;
  };

  CachedPlan& cache_entry();
  PlanBuilder<T> forward_and_loss(Plan<T>& plan) const;
  // The calls behind the loss: gradients and updates.
  void add_descent(PlanBuilder<T>& builder, const SgdOptions& options);
  void add_descent(PlanBuilder<T>& builder, const AdamOptions& options);
  GradientBuffer<T>& gradient_buffer();
  // Puts what differs between two batches of one size into a plan: the samples to gather, and the
  // weights of the loss.
  void fill_in(Plan<T>& plan);

  const NetworkSpec& spec_;
  const Parameters<T>& parameters_;
  Workspace<T> workspace_;
  BatchViews<T> batch_;                   // of the last input()
  std::optional<GatherBytes<T>> gather_;  // what the next plan has to write to it first
  bool used_up_ = false;                  // a plan has gathered it, and need not have written it
  bool weighted_ = false;
  double weight_sum_ = 0;
  double dropout_ = 0;
  // What optimisers remember, from the first step on that needs it.
  std::optional<Parameters<T>> velocity_;
  std::optional<AdamState<T>> adam_;
  std::optional<GradientBuffer<T>> gradient_buffer_;
  std::array<CachedPlan, kPlans> plans_;
  std::uint64_t uses_ = 0;
};

}  // namespace lamella

#endif  // LAMELLA_CORE_NETWORK_TRAINING_STEP_H_
