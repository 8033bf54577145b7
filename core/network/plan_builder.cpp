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
GradientBuffer<T>::GradientBuffer(const std::vector<index_t>& sizes) {
  index_t largest = 0;
  for (std::size_t l = 1; l < sizes.size(); ++l)
    largest = std::max(largest, checked_sum(weights_size<T>(sizes[l], sizes[l - 1]), sizes[l]));
  memory_ = AlignedArray<T>(largest);
}

template <class T>
LayerView<T> GradientBuffer<T>::of(const LayerView<T>& layer) {
  View<T> weights = layer.weights;
  weights.data = memory_.data();
  return {weights,
          {memory_.data() + weights_size<T>(weights.rows, weights.cols), layer.bias.size, 1}};
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
  add_backward([&](index_t l) {
    const LayerView<T> layer = parameters_.layer(l);
    add_layer_gradient(l, -rate, kept, layer.weights, 1, layer.bias);
  });
}

template <class T>
void PlanBuilder<T>::add_momentum_descent(const SgdOptions& options, GradientBuffer<T>& buffer,
                                          const Parameters<T>& velocity) {
  SgdUpdate<T> update;
  update.learning_rate = static_cast<T>(options.learning_rate);
  update.momentum = static_cast<T>(options.momentum);
  update.nesterov = options.nesterov;
  add_backward([&](index_t l) {
    const LayerView<T> gradient = add_buffered_gradient(l, buffer);
    const LayerView<T> layer = parameters_.layer(l);
    update.weight_decay = static_cast<T>(options.weight_decay);
    update.gradient = gradient.weights;
    update.velocity = velocity.layer(l).weights;
    update.weights = layer.weights;
    step_.plan.calls.push_back(update);
    update.weight_decay = 0;
    update.gradient = as_row(gradient.bias);
    update.velocity = as_row(velocity.layer(l).bias);
    update.weights = as_row(layer.bias);
    step_.plan.calls.push_back(update);
  });
}

template <class T>
void PlanBuilder<T>::add_adam_descent(const AdamOptions& options, GradientBuffer<T>& buffer,
                                      const AdamState<T>& state) {
  const double decay = options.weight_decay;
  AdamUpdate<T> update;
  update.beta1 = static_cast<T>(options.beta1);
  update.one_minus_beta1 = static_cast<T>(1 - options.beta1);
  update.beta2 = static_cast<T>(options.beta2);
  update.one_minus_beta2 = static_cast<T>(1 - options.beta2);
  set_step(update, options, 1);
  add_backward([&](index_t l) {
    const LayerView<T> gradient = add_buffered_gradient(l, buffer);
    const LayerView<T> layer = parameters_.layer(l);
    update.weight_decay = static_cast<T>(options.decoupled_decay ? 0 : decay);
    update.weight_scale =
        static_cast<T>(options.decoupled_decay ? 1 - options.learning_rate * decay : 1);
    update.gradient = gradient.weights;
    update.first = state.first.layer(l).weights;
    update.second = state.second.layer(l).weights;
    update.weights = layer.weights;
    add_adam_update(update);
    update.weight_decay = 0;
    update.weight_scale = 1;
    update.gradient = as_row(gradient.bias);
    update.first = as_row(state.first.layer(l).bias);
    update.second = as_row(state.second.layer(l).bias);
    update.weights = as_row(layer.bias);
    add_adam_update(update);
  });
}

template <class T>
void PlanBuilder<T>::add_adam_update(const AdamUpdate<T>& update) {
  step_.adam_updates.push_back(step_.plan.calls.size());
  step_.plan.calls.push_back(update);
}

template <class T>
void PlanBuilder<T>::add_gradients(T weight_decay, std::span<const LayerView<T>> gradients) {
  add_backward([&](index_t l) {
    const LayerView<T>& gradient = gradients[static_cast<std::size_t>(l)];
    add_layer_gradient(l, 1, weight_decay, gradient.weights, 0, gradient.bias);
  });
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
void PlanBuilder<T>::add_forward(ConstView<T> input) {
  ConstView<T> a = drops(0) ? ConstView<T>(inputs(0)) : input;
  for (index_t l = 0; l < parameters_.layers(); ++l) {
    const auto [weights, bias] = parameters_.layer(l);
    const View<T> z = batch_.activations[static_cast<std::size_t>(l + 1)];
    FusedGemm<T> call;  // A_l = f(A_{l-1} W_lᵀ + 1 b_lᵀ); the softmax layer stops at its logits
    call.gemm = {input_scale(l), a, transposed(weights), 0, z};
    call.epilogue.bias = bias;
    if (l + 1 < parameters_.layers()) {
      call.epilogue.activation = hidden_;
      if (drops(l + 1)) {
        call.epilogue.activation_output = batch_.masks[static_cast<std::size_t>(l + 1)];
        call.epilogue.backward_of = kMask;
      }
    }
    step_.plan.calls.push_back(call);
    a = z;
  }
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
template <class AddLayer>
void PlanBuilder<T>::add_backward(AddLayer add_layer) {
  for (index_t l = parameters_.layers() - 1; l >= 0; --l) {
    if (l > 0) add_input_gradient(l);  // before W_l changes
    add_layer(l);
  }
}

template <class T>
void PlanBuilder<T>::add_input_gradient(index_t l) {
  const View<T> d = outputs_gradient(l - 1);
  FusedGemm<T> call;
  call.gemm = {input_scale(l), outputs_gradient(l), parameters_.layer(l).weights, 0, d};
  if (hidden_.kind != ActivationKind::identity) {
    call.epilogue.activation_output = inputs(l);
    call.epilogue.backward_of = hidden_;
  }
  step_.plan.calls.push_back(call);
  // The activation of a dropped unit is 0. The derivatives of these two are 0 there already.
  const bool done = hidden_.kind == ActivationKind::relu || hidden_.kind == ActivationKind::sigmoid;
  if (drops(l) && !done)
    step_.plan.calls.push_back(
        ActivateBackward<T>{kMask, batch_.masks[static_cast<std::size_t>(l)], d});
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
LayerView<T> PlanBuilder<T>::add_buffered_gradient(index_t l, GradientBuffer<T>& buffer) {
  const LayerView<T> gradient = buffer.of(parameters_.layer(l));
  add_layer_gradient(l, 1, 0, gradient.weights, 0, gradient.bias);
  return gradient;
}

template <class T>
void PlanBuilder<T>::add_layer_gradient(index_t l, T alpha, T beta, View<T> weights, T bias_beta,
                                        VectorView<T> bias) {
  const View<T> d = outputs_gradient(l);
  const View<T> a = inputs(l);
  const T weights_alpha = alpha * input_scale(l);
  if (is_outer_product(beta)) {
    step_.plan.calls.push_back(OuterProduct<T>{weights_alpha, row(d, 0), row(a, 0), weights});
  } else {
    FusedGemm<T> call;
    call.gemm = {weights_alpha, transposed(d), a, beta, weights};
    step_.plan.calls.push_back(call);
    // The other reader of the network's input is the product of the forward pass.
    if (l == 0 && step_.gather && !drops(0)) step_.plan.transient_outputs.push_back(*step_.gather);
  }
  step_.plan.calls.push_back(ColumnSums<T>{alpha, d, bias_beta, bias});
}

template class GradientBuffer<float>;
template class GradientBuffer<double>;
template void set_step(AdamUpdate<float>&, const AdamOptions&, std::uint64_t);
template void set_step(AdamUpdate<double>&, const AdamOptions&, std::uint64_t);
template class PlanBuilder<float>;
template class PlanBuilder<double>;

}  // namespace lamella::detail
