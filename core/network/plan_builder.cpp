// The kernel calls of a forward pass and of a training step. Start reading at add_descent.
//
// Dropout of hidden units costs no pass over them. The backward epilogue of a product drops units:
// it multiplies by the derivative of relu at a mask of zeros and ones, which is that mask. The
// scale of the units that are kept goes into the alpha of the products that read them.
#include "core/network/plan_builder.h"

#include <algorithm>
#include <cmath>

#include "core/base/sizes.h"
#include "core/network/dropout.h"

namespace lamella::detail {
namespace {

// The activation whose derivative at a mask of zeros and ones is that mask.
constexpr Activation kMask{ActivationKind::relu};

}  // namespace

template <class T>
GradientBuffer<T>::GradientBuffer(const NetworkSpec& spec) {
  const std::vector<index_t> sizes = layer_sizes(spec);
  const index_t vectors = spec.normalization == Normalization::none ? 1 : 2;
  index_t largest = 0;
  for (std::size_t l = 1; l < sizes.size(); ++l)
    largest = std::max(largest, checked_sum(weights_size<T>(sizes[l], sizes[l - 1]),
                                            checked_product(vectors, sizes[l])));
  memory_ = AlignedArray<T>(largest);
}

template <class T>
LayerView<T> GradientBuffer<T>::of(const LayerView<T>& layer) {
  LayerView<T> gradient{layer.weights, {}};
  gradient.weights.data = memory_.data();
  T* const vectors = memory_.data() + weights_size<T>(layer.weights.rows, layer.weights.cols);
  gradient.bias = {vectors, layer.bias.size, 1};
  if (!layer.scale.empty()) gradient.scale = {vectors + layer.bias.size, layer.scale.size, 1};
  return gradient;
}

template <class T>
void set_step(AdamUpdate<T>& update, const AdamOptions& options, std::uint64_t step) {
  // m / (1 - β₁ᵗ) over √(v / (1 - β₂ᵗ)) + ε, with √(1 - β₂ᵗ) taken out of the denominator.
  const auto t = static_cast<double>(step);
  const double correction1 = 1 - std::pow(options.beta1, t);
  const double correction2 = std::sqrt(1 - std::pow(options.beta2, t));
  update.step_size = static_cast<T>(options.learning_rate * correction2 / correction1);
  update.epsilon = static_cast<T>(options.epsilon * correction2);
}

template <class T>
void PlanBuilder<T>::add_descent(const SgdOptions& options) {
  const auto rate = static_cast<T>(options.learning_rate);
  const auto kept = static_cast<T>(1 - options.learning_rate * options.weight_decay);
  add_backward(
      [&](index_t l) {
        return GradientTarget{parameters_.layer(l), -rate, kept, 1};
      },
      [](index_t) {});
}

template <class T>
void PlanBuilder<T>::add_momentum_descent(const SgdOptions& options, GradientBuffer<T>& buffer,
                                          const Parameters<T>& velocity) {
  SgdUpdate<T> update;
  update.learning_rate = static_cast<T>(options.learning_rate);
  update.momentum = static_cast<T>(options.momentum);
  update.nesterov = options.nesterov;
  const auto gradient = [&](index_t l) { return buffer.of(parameters_.layer(l)); };
  add_backward([&](index_t l) { return GradientTarget{gradient(l)}; },
               [&](index_t l) {
                 for_each_learnt(
                     [&](Decay decay, View<T> weights, View<T> of_loss, View<T> moved) {
                       update.weight_decay =
                           static_cast<T>(decay == Decay::applies ? options.weight_decay : 0);
                       update.gradient = of_loss;
                       update.velocity = moved;
                       update.weights = weights;
                       step_.plan.calls.push_back(update);
                     },
                     parameters_.layer(l), gradient(l), velocity.layer(l));
               });
}

template <class T>
void PlanBuilder<T>::add_adam_descent(const AdamOptions& options, GradientBuffer<T>& buffer,
                                      const AdamState<T>& state) {
  AdamUpdate<T> update;
  update.beta1 = static_cast<T>(options.beta1);
  update.one_minus_beta1 = static_cast<T>(1 - options.beta1);
  update.beta2 = static_cast<T>(options.beta2);
  update.one_minus_beta2 = static_cast<T>(1 - options.beta2);
  set_step(update, options, 1);
  const auto gradient = [&](index_t l) { return buffer.of(parameters_.layer(l)); };
  add_backward(
      [&](index_t l) { return GradientTarget{gradient(l)}; },
      [&](index_t l) {
        for_each_learnt(
            [&](Decay decay, View<T> weights, View<T> of_loss, View<T> first, View<T> second) {
              const double rate = decay == Decay::applies ? options.weight_decay : 0;
              update.weight_decay = static_cast<T>(options.decoupled_decay ? 0 : rate);
              update.weight_scale =
                  static_cast<T>(options.decoupled_decay ? 1 - options.learning_rate * rate : 1);
              update.gradient = of_loss;
              update.first = first;
              update.second = second;
              update.weights = weights;
              add_adam_update(update);
            },
            parameters_.layer(l), gradient(l), state.first.layer(l), state.second.layer(l));
      });
}

template <class T>
void PlanBuilder<T>::add_adam_update(const AdamUpdate<T>& update) {
  step_.adam_updates.push_back(step_.plan.calls.size());
  step_.plan.calls.push_back(update);
}

template <class T>
void PlanBuilder<T>::add_gradients(T weight_decay, std::span<const LayerView<T>> gradients) {
  add_backward(
      [&](index_t l) {
        return GradientTarget{gradients[static_cast<std::size_t>(l)], 1, weight_decay};
      },
      [](index_t) {});
}

template <class T>
void PlanBuilder<T>::add_moves(const MoveImages<T>& moves) {
  step_.moves = step_.plan.calls.size();
  step_.plan.calls.push_back(moves);
}

template <class T>
void PlanBuilder<T>::add_gather(const GatherBytes<T>& gather) {
  step_.gather = step_.plan.calls.size();
  step_.plan.calls.push_back(gather);
}

template <class T>
void PlanBuilder<T>::add_drops(const Dropout& dropout) {
  DropUnits<T> call;
  set_step(call, dropout);
  const auto add = [&](index_t l) {
    call.y = batch_.masks[static_cast<std::size_t>(l)];
    if (drops(l)) {
      call.probability = dropout_[static_cast<std::size_t>(l)];
      step_.drops.push_back(step_.plan.calls.size());
      step_.plan.calls.push_back(call);
    }
    call.first_block += dropout_blocks(call.y.cols);
  };
  if (dropout_.empty()) return;
  // The input comes last, so that hidden units are the same with and without it.
  for (index_t l = 1; l < parameters_.layers(); ++l) add(l);
  call.x = batch_.activations.front();
  add(0);
}

template <class T>
void PlanBuilder<T>::add_product(index_t l, ConstView<T> a, View<T> z,
                                 const Epilogue<T>& epilogue) {
  const FusedGemm<T> call{{input_scale(l), a, transposed(parameters_.layer(l).weights), 0, z},
                          epilogue};
  step_.plan.calls.push_back(call);
}

template <class T>
void PlanBuilder<T>::add_forward(ConstView<T> input, RunningStatistics statistics) {
  ConstView<T> a = drops(0) ? ConstView<T>(inputs(0)) : input;
  for (index_t l = 0; l < parameters_.layers(); ++l) {
    const auto at = static_cast<std::size_t>(l + 1);
    if (is_normalized(l)) {
      add_product(l, a, batch_.products[at], {});
      add_normalization(l, statistics);
    } else {
      // A_l = f(A_{l-1} W_lᵀ + 1 b_lᵀ); the softmax layer stops at its logits.
      Epilogue<T> epilogue;
      epilogue.bias = parameters_.layer(l).bias;
      if (l + 1 < parameters_.layers() && keeps_input()) {
        add_product(l, a, batch_.products[at], epilogue);
        step_.plan.calls.push_back(
            Activate<T>{hidden_, batch_.products[at], batch_.activations[at]});
        add_mask(l);
      } else {
        if (l + 1 < parameters_.layers()) {
          epilogue.activation = hidden_;
          if (drops(l + 1)) {
            epilogue.activation_output = batch_.masks[at];
            epilogue.backward_of = kMask;
          }
        }
        add_product(l, a, batch_.activations[at], epilogue);
      }
    }
    a = batch_.activations[at];
  }
}

template <class T>
void PlanBuilder<T>::add_prediction(ConstView<T> input, const FoldedNormalization<T>& folded) {
  ConstView<T> a = input;
  for (index_t l = 0; l < parameters_.layers(); ++l) {
    const View<T> z = batch_.activations[static_cast<std::size_t>(l + 1)];
    const bool hidden = l + 1 < parameters_.layers();
    Epilogue<T> epilogue;
    if (!is_normalized(l)) {
      epilogue.bias = parameters_.layer(l).bias;
      if (hidden) epilogue.activation = hidden_;
    }
    add_product(l, a, z, epilogue);
    if (is_normalized(l)) {
      step_.plan.calls.push_back(ScaleShift<T>{z, folded.scale(l), folded.shift(l), z});
      step_.plan.calls.push_back(Activate<T>{hidden_, z, z});
    }
    a = z;
  }
}

template <class T>
void PlanBuilder<T>::add_normalization(index_t l, RunningStatistics statistics) {
  const auto at = static_cast<std::size_t>(l + 1);
  const LayerView<T> layer = parameters_.layer(l);
  BatchNorm<T> call;
  call.epsilon = static_cast<T>(kNormalizationEpsilon);
  call.momentum = static_cast<T>(kNormalizationMomentum);
  call.activation = hidden_;
  call.x = batch_.products[at];
  call.scale = layer.scale;
  call.shift = layer.bias;
  call.mean = batch_.means[at];
  call.inverse_deviation = batch_.inverse_deviations[at];
  if (statistics == RunningStatistics::follow) {
    call.running_mean = layer.running_mean;
    call.running_variance = layer.running_variance;
  }
  call.y = batch_.activations[at];
  step_.plan.calls.push_back(call);
  add_mask(l);
}

template <class T>
void PlanBuilder<T>::add_mask(index_t l) {
  const auto at = static_cast<std::size_t>(l + 1);
  if (drops(l + 1))
    step_.plan.calls.push_back(
        ActivateBackward<T>{kMask, batch_.masks[at], batch_.activations[at]});
}

template <class T>
void PlanBuilder<T>::add_normalization_backward(index_t l, const GradientTarget& target) {
  const auto at = static_cast<std::size_t>(l + 1);
  const LayerView<T> layer = parameters_.layer(l);
  BatchNormBackward<T> call;
  call.alpha = target.alpha;
  call.activation = hidden_;
  call.x = batch_.products[at];
  call.scale = layer.scale;
  call.shift = layer.bias;
  call.mean = batch_.means[at];
  call.inverse_deviation = batch_.inverse_deviations[at];
  call.d = outputs_gradient(l);
  call.beta = target.vector_beta;
  call.scale_gradient = target.layer.scale;
  call.shift_gradient = target.layer.bias;
  step_.plan.calls.push_back(call);
}

template <class T>
void PlanBuilder<T>::add_loss() {
  const View<T> logits = batch_.activations.back();
  SoftmaxNll<T> call;
  call.logits = logits;
  call.labels = batch_.labels;
  call.scale = 1 / static_cast<T>(batch_.samples);
  call.gradient = logits;
  call.losses = batch_.losses;
  call.predictions = batch_.predictions;
  step_.loss = step_.plan.calls.size();
  step_.plan.calls.push_back(call);
}

template <class T>
template <class Target, class AddUpdate>
void PlanBuilder<T>::add_backward(Target target, AddUpdate add_update) {
  for (index_t l = parameters_.layers() - 1; l >= 0; --l) {
    const GradientTarget to = target(l);
    if (is_normalized(l)) add_normalization_backward(l, to);
    if (l > 0) add_input_gradient(l);  // before W_l changes
    add_weights_gradient(l, to);
    if (!is_normalized(l))
      step_.plan.calls.push_back(
          ColumnSums<T>{to.alpha, outputs_gradient(l), to.vector_beta, to.layer.bias});
    add_update(l);
    add_constraint(l);
  }
}

template <class T>
void PlanBuilder<T>::constrain_updates(const Regularization& regularization, double learning_rate) {
  threshold_ = static_cast<T>(learning_rate * regularization.l1);
  if (regularization.max_norm > 0)  // at least the least number, or it would be none
    max_norm_ = std::max(static_cast<T>(regularization.max_norm), std::numeric_limits<T>::min());
}

template <class T>
void PlanBuilder<T>::add_constraint(index_t l) {
  constexpr T kNone = std::numeric_limits<T>::infinity();
  const T max_norm = l + 1 < parameters_.layers() ? max_norm_ : kNone;  // of hidden units
  if (threshold_ > 0 || max_norm < kNone)
    step_.plan.calls.push_back(
        ConstrainWeights<T>{threshold_, max_norm, parameters_.layer(l).weights});
}

template <class T>
void PlanBuilder<T>::add_input_gradient(index_t l) {
  const View<T> d = outputs_gradient(l - 1);
  FusedGemm<T> call;
  call.gemm = {input_scale(l), outputs_gradient(l), parameters_.layer(l).weights, 0, d};
  const View<T> mask = batch_.masks[static_cast<std::size_t>(l)];
  // Then the activation is a part of the normalisation, or its derivative a call of its own.
  if (is_normalized(l - 1) || keeps_input()) {
    if (drops(l)) {
      call.epilogue.activation_output = mask;
      call.epilogue.backward_of = kMask;
    }
    step_.plan.calls.push_back(call);
    if (!is_normalized(l - 1))
      step_.plan.calls.push_back(
          ActivateBackward<T>{hidden_, batch_.products[static_cast<std::size_t>(l)], d});
    return;
  }
  if (hidden_.kind != ActivationKind::identity) {
    call.epilogue.activation_output = inputs(l);
    call.epilogue.backward_of = hidden_;
  }
  step_.plan.calls.push_back(call);
  // The activation of a dropped unit is 0. The derivatives of these two are 0 there already.
  const bool done = hidden_.kind == ActivationKind::relu || hidden_.kind == ActivationKind::sigmoid;
  if (drops(l) && !done) step_.plan.calls.push_back(ActivateBackward<T>{kMask, mask, d});
}

template <class T>
View<T> PlanBuilder<T>::outputs_gradient(index_t l) const {
  return l + 1 == parameters_.layers() ? batch_.activations.back()
                                       : batch_.gradients[static_cast<std::size_t>(l + 1)];
}

template <class T>
View<T> PlanBuilder<T>::inputs(index_t l) const {
  if (l == 0 && drops(0)) return batch_.masks.front();
  return batch_.activations[static_cast<std::size_t>(l)];
}

template <class T>
void PlanBuilder<T>::add_weights_gradient(index_t l, const GradientTarget& target) {
  const View<T> d = outputs_gradient(l);
  const View<T> a = inputs(l);
  const T alpha = target.alpha * input_scale(l);
  if (is_outer_product(target.beta)) {
    step_.plan.calls.push_back(OuterProduct<T>{alpha, row(d, 0), row(a, 0), target.layer.weights});
    return;
  }
  FusedGemm<T> call;
  call.gemm = {alpha, transposed(d), a, target.beta, target.layer.weights};
  step_.plan.calls.push_back(call);
  // The other reader of the network's input is the product of the forward pass.
  if (l == 0 && step_.gather && !drops(0)) step_.plan.transient_outputs.push_back(*step_.gather);
}

template class GradientBuffer<float>;
template class GradientBuffer<double>;
template void set_step(AdamUpdate<float>&, const AdamOptions&, std::uint64_t);
template void set_step(AdamUpdate<double>&, const AdamOptions&, std::uint64_t);
template class PlanBuilder<float>;
template class PlanBuilder<double>;

}  // namespace lamella::detail
