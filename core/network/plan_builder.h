// Forward passes and training steps as plans: kernel calls with their operands.
//
// Not here: memory (workspace.h, parameters.h) and execution (Kernels::run). The sequence of calls
// is that of docs/math.md, layer by layer. Building appends to the plan it is given, and allocates
// nothing if the plan has the capacity.
#ifndef LAMELLA_CORE_NETWORK_PLAN_BUILDER_H_
#define LAMELLA_CORE_NETWORK_PLAN_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <lamella/kernels.h>
#include <lamella/optimizer.h>

#include "core/network/folded_normalization.h"
#include "core/network/parameters.h"
#include "core/network/workspace.h"

namespace lamella::detail {

/// Room for the gradient of one layer at a time, which the largest layer fills: optimisers with a
/// memory of their own need the gradient itself.
template <class T>
class GradientBuffer {
 public:
  explicit GradientBuffer(const NetworkSpec& spec);

  /// The place of a gradient with the shapes of `layer`.
  LayerView<T> of(const LayerView<T>& layer);

 private:
  AlignedArray<T> memory_;
};

/// Adam's memory: the moments of every parameter, zero at first, and the number of steps taken.
template <class T>
struct AdamState {
  explicit AdamState(const NetworkSpec& spec) : first(spec), second(spec) {}

  Parameters<T> first;
  Parameters<T> second;
  std::uint64_t steps = 0;
};

/// Writes into an update of Adam the members that depend on the number of the step, from 1. All
/// others stay.
template <class T>
void set_step(AdamUpdate<T>& update, const AdamOptions& options, std::uint64_t step);

/// A plan, and where in it the calls are that differ from one run to the next.
template <class T>
struct StepPlan {
  Plan<T> plan;
  // Indices into plan.calls:
  std::optional<std::size_t> moves;       ///< the MoveImages, if there is one
  std::optional<std::size_t> gather;      ///< the GatherBytes, if there is one
  std::size_t loss = 0;                   ///< the SoftmaxNll, if there is one
  std::vector<std::size_t> adam_updates;  ///< each AdamUpdate
  std::vector<std::size_t> drops;         ///< each DropUnits

  /// Removes all calls, and keeps the memory for the next ones.
  void clear() noexcept {
    plan.clear();
    moves.reset();
    gather.reset();
    loss = 0;
    adam_updates.clear();
    drops.clear();
  }
  /// Makes room for as many calls as `other` has.
  void reserve(const StepPlan& other) {
    plan.calls.reserve(other.plan.calls.size());
    plan.transient_outputs.reserve(other.plan.transient_outputs.size());
    adam_updates.reserve(other.adam_updates.size());
    drops.reserve(other.drops.size());
  }
};

/// Whether a forward pass of a training step moves the running statistics.
enum class RunningStatistics { follow, keep };

/// Adds to a plan the passes of one network over one mini-batch.
template <class T>
class PlanBuilder {
 public:
  /// All must outlive the builder; the plan holds views into parameters and batch. `dropout` has
  /// the probability with which units of layer l are dropped, for l in [0, L), or is empty. The
  /// batch needs masks if one of them is above 0.
  PlanBuilder(const Parameters<T>& parameters, const NetworkSpec& spec, const BatchViews<T>& batch,
              StepPlan<T>& step, std::span<const double> dropout = {})
      : parameters_(parameters),
        hidden_(spec.activation),
        batch_(batch),
        step_(step),
        dropout_(dropout) {}

  /// Writes the bytes that add_gather reads. One call; it may be patched later.
  void add_moves(const MoveImages<T>& moves);

  /// Writes the batch's input from bytes; `gather.out` is that input. The output is transient if
  /// only products read it. One call, before all that read it; it may be patched later.
  void add_gather(const GatherBytes<T>& gather);

  /// Draws which units are dropped, and drops inputs: one call for each layer that loses units.
  /// Before add_forward; to be patched by set_step (dropout.h).
  void add_drops(const Dropout& dropout);

  /// input [n, d_0] → logits in the last activation, as training computes them: hidden layers are
  /// normalised by statistics of the batch. One call per layer, or two.
  void add_forward(ConstView<T> input, RunningStatistics statistics);

  /// The same for prediction: normalised by running statistics, which `folded` holds.
  void add_prediction(ConstView<T> input, const FoldedNormalization<T>& folded);

  /// Losses, predictions, and the logits' gradient in place of the logits. One call; its `weights`
  /// (none) and `scale` (1/n) may be patched later.
  void add_loss();

  /// Has the following descent step end the update of each layer with a ConstrainWeights, unless
  /// that would change nothing.
  void constrain_updates(const Regularization& regularization, double learning_rate);

  /// Gradients of all layers and their plain descent step, W ← (1 - ηλ) W - η D Aᵀ, in one.
  void add_descent(const SgdOptions& options);

  /// Gradients of all layers, each followed by its momentum update.
  void add_momentum_descent(const SgdOptions& options, GradientBuffer<T>& buffer,
                            const Parameters<T>& velocity);

  /// Gradients of all layers, each followed by its update as in step 1 of Adam.
  void add_adam_descent(const AdamOptions& options, GradientBuffer<T>& buffer,
                        const AdamState<T>& state);

  /// Gradients into `gradients`, where ∇W ← D Aᵀ + weight_decay ∇W. For the gradient of the
  /// penalty, each ∇W holds W before the plan runs.
  void add_gradients(T weight_decay, std::span<const LayerView<T>> gradients);

 private:
  // Where the gradient of a layer goes: weights ← alpha ∇ + beta weights, and vectors likewise.
  struct GradientTarget {
    LayerView<T> layer;
    T alpha = 1;
    T beta = 0;
    T vector_beta = 0;
  };

  // Adds, from the last layer to the first, the gradient of layer l into `target(l)`, with D_{l-1}
  // before it, and then what `add_update(l)` does.
  template <class Target, class AddUpdate>
  void add_backward(Target target, AddUpdate add_update);

  // Adds z ← a W_lᵀ, with what the epilogue does.
  void add_product(index_t l, ConstView<T> a, View<T> z, const Epilogue<T>& epilogue);

  // Adds a_l ← f(normalised z_l), and zeros for dropped units.
  void add_normalization(index_t l, RunningStatistics statistics);

  // Adds, for a normalised layer l, the gradients of scale and bias, and D_l in place of that with
  // respect to the layer's activations.
  void add_normalization_backward(index_t l, const GradientTarget& target);

  // Adds zeros for the dropped units of layer l, where no epilogue can write them.
  void add_mask(index_t l);

  // Whether the derivative of the hidden activation is computed from z.
  bool keeps_input() const { return derivative_needs_input(hidden_.kind); }

  bool is_normalized(index_t l) const { return !parameters_.layer(l).scale.empty(); }

  // Adds what constrain_updates() has asked for.
  void add_constraint(index_t l);

  // Adds D_{l-1} = (D_l W_l) ⊙ f'(A_{l-1}), with zeros for dropped units.
  void add_input_gradient(index_t l);

  // Whether units of layer l are dropped; 0 is the input.
  bool drops(index_t l) const {
    return !dropout_.empty() && dropout_[static_cast<std::size_t>(l)] > 0;
  }
  // The factor of layer l's inputs: inverted dropout's 1 / (1 - p).
  T input_scale(index_t l) const {
    return drops(l) ? static_cast<T>(1 / (1 - dropout_[static_cast<std::size_t>(l)])) : T{1};
  }

  void add_adam_update(const AdamUpdate<T>& update);

  // The gradient D of layer l's outputs (0 nearest the input) and the layer's inputs A.
  View<T> outputs_gradient(index_t l) const;
  View<T> inputs(index_t l) const;

  // Whether a layer's gradient, added to beta times its weights, is an OuterProduct.
  bool is_outer_product(T beta) const { return batch_.samples == 1 && beta == 1; }

  // weights ← alpha D_l A_{l-1}ᵀ + beta weights
  void add_weights_gradient(index_t l, const GradientTarget& target);

  const Parameters<T>& parameters_;
  const Activation& hidden_;
  const BatchViews<T>& batch_;
  StepPlan<T>& step_;
  std::span<const double> dropout_;
  T threshold_ = 0;
  T max_norm_ = std::numeric_limits<T>::infinity();
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_PLAN_BUILDER_H_
