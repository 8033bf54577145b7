// Checks the mini-batches of callers; builds, caches and patches plans.
#include "core/network/training_step.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <variant>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/kernels/checks.h"
#include "core/network/dropout.h"

namespace lamella::detail {
namespace {

void check_count(std::string_view where, std::string_view what, std::size_t count,
                 index_t samples) {
  if (count != static_cast<std::size_t>(samples))
    throw ArgumentError(formatted("{}: there are {} {} but batch_input was called for {} samples",
                                  where, count, what, samples));
}

// The sum of the weights, each of which is checked.
template <class T>
double checked_sum_of_weights(std::string_view where, std::span<const T> weights) {
  double sum = 0;
  for (std::size_t s = 0; s < weights.size(); ++s) {
    if (!(weights[s] >= 0 && std::isfinite(weights[s])))
      throw ArgumentError(
          formatted("{}: the weight of sample {} is {}; it must be finite and not negative", where,
                    s, weights[s]));
    sum += static_cast<double>(weights[s]);
  }
  if (!(sum > 0))
    throw ArgumentError(
        formatted("{}: all weights are zero; at least one must be positive", where));
  return sum;
}

// Whether two plans make the same kinds of calls in the same order.
template <class T>
bool same_calls(const Plan<T>& a, const Plan<T>& b) {
  const auto kind = [](const KernelCall<T>& call) { return call.index(); };
  return std::ranges::equal(a.calls, b.calls, {}, kind, kind) &&
         a.transient_outputs == b.transient_outputs;
}

}  // namespace

template <class T>
BatchResult batch_result(const BatchViews<T>& batch, double weight_sum) {
  BatchResult result;
  result.weight_sum = weight_sum;
  // Several sums, in a fixed order: additions to a single sum would wait for each other, for 1000
  // samples as long as a small network's product takes.
  std::array<double, 8> sums{};
  const T* const losses = batch.losses.data;  // contiguous, as all of a workspace's vectors are
  const std::int32_t *predictions = batch.predictions.data, *labels = batch.labels.data;
  constexpr auto kSums = static_cast<index_t>(sums.size());
  index_t first = 0;
  for (; first + kSums <= batch.samples; first += kSums)
    for (index_t i = 0; i < kSums; ++i)
      sums[static_cast<std::size_t>(i)] += static_cast<double>(losses[first + i]);
  for (; first < batch.samples; ++first) sums[0] += static_cast<double>(losses[first]);
  result.loss_sum = std::accumulate(sums.begin(), sums.end(), 0.0);
  std::int32_t correct = 0;
  for (index_t s = 0; s < batch.samples; ++s) correct += predictions[s] == labels[s] ? 1 : 0;
  result.correct = correct;
  return result;
}

template <class T>
TrainingStep<T>::TrainingStep(const NetworkSpec& spec, const Parameters<T>& parameters)
    : spec_(spec), parameters_(parameters), workspace_(spec, WorkspaceUse::training) {}

template <class T>
View<T> TrainingStep<T>::input(index_t samples) {
  if (samples < 1)
    throw ArgumentError(formatted(
        "Network::batch_input: a mini-batch of {} samples; it needs at least 1", samples));
  if (workspace_.reserve(samples))
    for (CachedPlan& entry : plans_) entry.samples = 0;  // these plans point to the old memory
  workspace_.bind(samples, batch_);
  gather_.reset();
  moves_.reset();
  consumed_ = false;
  return batch_.activations.front();
}

template <class T>
void TrainingStep<T>::gather(const GatherBytes<T>& batch,
                             const std::optional<MoveImages<T>>& moves) {
  GatherBytes<T> call = batch;
  call.out = input(batch.indices.size);
  check(call);
  if (moves) check(*moves);
  gather_ = call;
  moves_ = moves;
}

template <class T>
void TrainingStep<T>::set_batch(std::string_view where, std::span<const std::int32_t> labels,
                                std::span<const T> weights, const Dropout& dropout,
                                const Loss& loss) {
  if (batch_.samples == 0 || consumed_)
    throw ArgumentError(
        formatted("{}: there is no mini-batch; write one to batch_input(n) or name one with "
                  "gather_batch",
                  where));
  if (batch_.samples < 2 && spec_.normalization == Normalization::batch && !spec_.hidden.empty())
    throw ArgumentError(
        formatted("{}: a mini-batch of one sample has no statistics for batch normalisation; it "
                  "needs at least 2 samples",
                  where));
  check_count(where, "labels", labels.size(), batch_.samples);
  check_labels(where, {labels.data(), batch_.samples, 1}, spec_.classes);
  check_dropout(where, dropout, parameters_.layers() - 1);
  check_loss(where, loss);
  if (dropout.active())
    check_count(where, "sample numbers for dropout", dropout.samples.size(), batch_.samples);
  double weight_sum = static_cast<double>(batch_.samples);
  if (!weights.empty()) {
    check_count(where, "weights", weights.size(), batch_.samples);
    weight_sum = checked_sum_of_weights(where, weights);
  }

  rates_.clear();
  if (dropout.active()) {
    if (workspace_.keep_masks()) workspace_.bind(batch_.samples, batch_);
    for (index_t l = 0; l < parameters_.layers(); ++l) rates_.push_back(dropout_rate(dropout, l));
  }
  std::copy(labels.begin(), labels.end(), batch_.labels.data);
  std::copy(weights.begin(), weights.end(), batch_.weights.data);
  weighted_ = !weights.empty();
  weight_sum_ = weight_sum;
  dropout_ = dropout;
  label_smoothing_ = loss.label_smoothing;
}

// The entry of the current batch size, or else the least recently used one.
template <class T>
typename TrainingStep<T>::CachedPlan& TrainingStep<T>::cache_entry() {
  auto entry = std::find_if(plans_.begin(), plans_.end(),
                            [&](const CachedPlan& p) { return p.samples == batch_.samples; });
  if (entry == plans_.end())
    entry = std::min_element(
        plans_.begin(), plans_.end(),
        [](const CachedPlan& a, const CachedPlan& b) { return a.last_use < b.last_use; });
  entry->last_use = ++uses_;
  return *entry;
}

template <class T>
Plan<T>& TrainingStep<T>::next_update_plan(const Optimizer& optimizer,
                                           const Regularization& regularization) {
  CachedPlan& entry = cache_entry();
  StepPlan<T>& step = entry.step;
  const bool known = entry.samples == batch_.samples && entry.optimizer == optimizer &&
                     entry.regularization == regularization && entry.dropout == rates_ &&
                     step.gather.has_value() == gather_.has_value() &&
                     step.moves.has_value() == moves_.has_value();
  if (!known) build(entry, optimizer, regularization);
  patch(step);
  const auto* const adam = std::get_if<AdamOptions>(&optimizer);
  adam_step_is_due_ = adam != nullptr;
  if (adam != nullptr)
    for (const std::size_t call : step.adam_updates)
      set_step(std::get<AdamUpdate<T>>(step.plan.calls[call]), *adam, adam_->steps + 1);
  return step.plan;
}

template <class T>
void TrainingStep<T>::build(CachedPlan& entry, const Optimizer& optimizer,
                            const Regularization& regularization) {
  const bool same_shapes = entry.samples == batch_.samples && entry.dropout.size() == rates_.size();
  entry.samples = 0;  // unusable until complete
  std::swap(entry.step, replaced_);
  StepPlan<T>& step = entry.step;
  step.clear();
  PlanBuilder<T> builder = forward_and_loss(step, RunningStatistics::follow);
  builder.constrain_updates(regularization, learning_rate(optimizer));
  std::visit([&](const auto& options) { add_update(builder, options); }, optimizer);
  check(step.plan);
  // A new learning rate, for example, needs no new analysis.
  if (same_shapes && same_calls(step.plan, replaced_.plan))
    step.plan.analysis = std::move(replaced_.plan.analysis);
  replaced_.clear();
  replaced_.reserve(step);
  entry.samples = batch_.samples;
  entry.optimizer = optimizer;
  entry.regularization = regularization;
  entry.dropout = rates_;
}

template <class T>
BatchResult TrainingStep<T>::finish_update() {
  if (std::exchange(adam_step_is_due_, false)) ++adam_->steps;
  return result();
}

template <class T>
void TrainingStep<T>::add_update(PlanBuilder<T>& builder, const SgdOptions& options) {
  if (options.momentum == 0) return builder.add_descent(options);
  if (!velocity_) velocity_.emplace(spec_);
  builder.add_momentum_descent(options, gradient_buffer(), *velocity_);
}

template <class T>
void TrainingStep<T>::add_update(PlanBuilder<T>& builder, const AdamOptions& options) {
  if (!adam_) adam_.emplace(spec_);
  builder.add_adam_descent(options, gradient_buffer(), *adam_);
}

template <class T>
GradientBuffer<T>& TrainingStep<T>::gradient_buffer() {
  if (!gradient_buffer_) gradient_buffer_.emplace(spec_);
  return *gradient_buffer_;
}

template <class T>
Plan<T> TrainingStep<T>::gradients(T weight_decay, std::span<const LayerView<T>> gradients) {
  StepPlan<T> step;
  forward_and_loss(step, RunningStatistics::keep).add_gradients(weight_decay, gradients);
  check(step.plan);
  patch(step);
  return std::move(step.plan);
}

template <class T>
PlanBuilder<T> TrainingStep<T>::forward_and_loss(StepPlan<T>& step,
                                                 RunningStatistics statistics) const {
  PlanBuilder<T> builder(parameters_, spec_, batch_, step, rates_);
  if (moves_) builder.add_moves(*moves_);
  if (gather_) builder.add_gather(*gather_);
  builder.add_drops(dropout_);
  builder.add_forward(batch_.activations.front(), statistics);
  builder.add_loss();
  return builder;
}

template <class T>
void TrainingStep<T>::patch(StepPlan<T>& step) {
  if (moves_) std::get<MoveImages<T>>(step.plan.calls[*step.moves]) = *moves_;
  moves_.reset();
  if (gather_) {
    std::get<GatherBytes<T>>(step.plan.calls[*step.gather]) = *gather_;
    gather_.reset();
    consumed_ = true;
  }
  for (const std::size_t call : step.drops)
    set_step(std::get<DropUnits<T>>(step.plan.calls[call]), dropout_);
  auto& loss = std::get<SoftmaxNll<T>>(step.plan.calls[step.loss]);
  loss.weights = weighted_ ? ConstVectorView<T>(batch_.weights) : ConstVectorView<T>();
  loss.label_smoothing = static_cast<T>(label_smoothing_);
  loss.scale = static_cast<T>(1 / weight_sum_);
}

template <class T>
void TrainingStep<T>::reset_optimizer() {
  const auto clear = [](Parameters<T>& memory) {
    std::fill(memory.storage().begin(), memory.storage().end(), T{0});
  };
  if (velocity_) clear(*velocity_);
  if (!adam_) return;
  clear(adam_->first);
  clear(adam_->second);
  adam_->steps = 0;
}

template BatchResult batch_result(const BatchViews<float>&, double);
template BatchResult batch_result(const BatchViews<double>&, double);
template class TrainingStep<float>;
template class TrainingStep<double>;

}  // namespace lamella::detail
