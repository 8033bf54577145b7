// Network: checks what comes from outside, keeps the plans of recent batch sizes, runs them.
//
// The sequence of kernel calls is in plan_builder.cpp, memory in workspace.cpp and parameters.cpp.
#include <lamella/network.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include <lamella/error.h>

#include "core/checks.h"
#include "core/footprint.h"
#include "core/parameters.h"
#include "core/plan_builder.h"
#include "core/workspace.h"

namespace lamella {
namespace {

// Samples that predict and evaluate pass through the network at a time: enough to keep all threads
// and vector lanes busy, few enough that two layers of a thousand units stay in the L2 cache.
constexpr index_t kChunk = 256;

// Plans kept at a time. An epoch uses two: full batches, and the last partial one.
constexpr std::size_t kPlans = 4;

NetworkSpec checked(NetworkSpec spec) {
  const auto check_size = [](const std::string& what, index_t size) {
    if (size < 1)
      throw ArgumentError(fmt::format("NetworkSpec: {} is {}; it must be at least 1", what, size));
  };
  check_size("inputs", spec.inputs);
  for (std::size_t l = 0; l < spec.hidden.size(); ++l)
    check_size(fmt::format("hidden[{}]", l), spec.hidden[l]);
  check_size("classes", spec.classes);
  check_activation("NetworkSpec", spec.activation);
  return spec;
}

template <class T>
BatchResult summary(const BatchViews<T>& batch, double weight_sum) {
  BatchResult result;
  result.weight_sum = weight_sum;
  for (index_t s = 0; s < batch.samples; ++s) {
    result.loss_sum += static_cast<double>(batch.losses[s]);
    result.correct += batch.predictions[s] == batch.labels[s] ? 1 : 0;
  }
  return result;
}

}  // namespace

template <class T>
struct Network<T>::Impl {
  // The plan of a training step for one batch size and one set of options.
  struct TrainingPlan {
    index_t samples = 0;  // 0: none
    SgdOptions options;
    std::uint64_t last_use = 0;
    Plan<T> plan;
  };

  Impl(NetworkSpec given, std::shared_ptr<const Backend> b)
      : spec(checked(std::move(given))),
        sizes(layer_sizes(spec)),
        backend(std::move(b)),
        parameters(sizes),
        workspace(sizes, WorkspaceUse::training) {}

  void run(const Plan<T>& plan) const {
    backend->template kernels<T>().run(plan);
    backend->throw_if_failed();
  }

  void check_input_shape(const char* where, ConstView<T> x) const;
  double take_batch(const char* where, std::span<const std::int32_t> labels,
                    std::span<const T> weights);
  void weight_loss(Plan<T>& plan, bool weighted, double weight_sum) const;
  Plan<T>& training_plan(const SgdOptions& options);
  void check_gradients(std::span<const LayerView<T>> gradients) const;

  // Calls pass(input, rows, batch, plan) for each chunk of x, with a plan that holds its forward
  // pass.
  template <class Pass>
  void for_each_chunk(ConstView<T> x, Pass pass) const;

  NetworkSpec spec;
  std::vector<index_t> sizes;
  std::shared_ptr<const Backend> backend;
  Parameters<T> parameters;
  std::optional<MomentumState<T>> momentum;  // from the first step with momentum on
  Workspace<T> workspace;
  BatchViews<T> batch;  // of the last batch_input(n)
  std::array<TrainingPlan, kPlans> plans;
  std::uint64_t uses = 0;
};

template <class T>
void Network<T>::Impl::check_input_shape(const char* where, ConstView<T> x) const {
  check_input(where, "x", x);
  if (x.cols != spec.inputs)
    throw ArgumentError(
        fmt::format("{}: x is {} x {} but the network has {} inputs; x needs {} columns", where,
                    x.rows, x.cols, spec.inputs, spec.inputs));
}

// Copies labels and weights of the current batch to the workspace once they are found valid;
// returns the sum of the weights.
template <class T>
double Network<T>::Impl::take_batch(const char* where, std::span<const std::int32_t> labels,
                                    std::span<const T> weights) {
  const auto n = static_cast<std::size_t>(batch.samples);
  if (n == 0)
    throw ArgumentError(
        fmt::format("{}: there is no mini-batch; write one to batch_input(n)", where));
  if (labels.size() != n)
    throw ArgumentError(
        fmt::format("{}: there are {} labels but batch_input was called for {} samples", where,
                    labels.size(), n));
  if (!weights.empty() && weights.size() != n)
    throw ArgumentError(
        fmt::format("{}: there are {} weights but batch_input was called for {} samples", where,
                    weights.size(), n));
  check_labels(where, {labels.data(), batch.samples, 1}, spec.classes);
  double weight_sum = weights.empty() ? static_cast<double>(n) : 0;
  for (std::size_t s = 0; s < weights.size(); ++s) {
    if (!(weights[s] >= 0 && std::isfinite(weights[s])))
      throw ArgumentError(
          fmt::format("{}: the weight of sample {} is {}; it must be finite and not negative",
                      where, s, weights[s]));
    weight_sum += static_cast<double>(weights[s]);
  }
  if (!(weight_sum > 0))
    throw ArgumentError(
        fmt::format("{}: all weights are zero; at least one must be positive", where));
  std::copy(labels.begin(), labels.end(), batch.labels.data);
  std::copy(weights.begin(), weights.end(), batch.weights.data);
  return weight_sum;
}

// Makes the loss of a plan the weighted mean of this batch.
template <class T>
void Network<T>::Impl::weight_loss(Plan<T>& plan, bool weighted, double weight_sum) const {
  auto& loss = std::get<SoftmaxNll<T>>(plan.calls[static_cast<std::size_t>(parameters.layers())]);
  loss.weights = weighted ? ConstVectorView<T>(batch.weights) : ConstVectorView<T>();
  loss.scale = static_cast<T>(1 / weight_sum);
}

template <class T>
Plan<T>& Network<T>::Impl::training_plan(const SgdOptions& options) {
  auto entry = std::find_if(plans.begin(), plans.end(),
                            [&](const auto& p) { return p.samples == batch.samples; });
  if (entry == plans.end())
    entry = std::min_element(plans.begin(), plans.end(),
                             [](const auto& a, const auto& b) { return a.last_use < b.last_use; });
  entry->last_use = ++uses;
  if (entry->samples == batch.samples && entry->options == options) return entry->plan;

  if (options.momentum != 0 && !momentum) momentum.emplace(sizes);
  entry->samples = 0;  // unusable until complete
  entry->plan.calls.clear();
  PlanBuilder<T> builder(parameters, spec.activation, batch, entry->plan);
  builder.add_forward(batch.activations.front());
  builder.add_loss();
  if (options.momentum != 0)
    builder.add_momentum_descent(options, *momentum);
  else
    builder.add_descent(options);
  check(entry->plan);
  entry->samples = batch.samples;
  entry->options = options;
  return entry->plan;
}

template <class T>
void Network<T>::Impl::check_gradients(std::span<const LayerView<T>> gradients) const {
  constexpr const char* where = "Network::gradient";
  if (static_cast<index_t>(gradients.size()) != parameters.layers())
    throw ArgumentError(fmt::format("{}: gradients of {} layers are given but the network has {}",
                                    where, gradients.size(), parameters.layers()));
  std::vector<Footprint> written{*footprint(untyped(parameters.storage().view()))};
  const auto check_apart = [&](const UntypedView& view, std::size_t l) {
    const Footprint bytes = *footprint(view);
    for (const Footprint& other : written)
      if (overlap(bytes, other))
        throw ArgumentError(fmt::format(
            "{}: the gradient of layer {} overlaps another gradient or the parameters", where, l));
    written.push_back(bytes);
  };
  for (std::size_t l = 0; l < gradients.size(); ++l) {
    const auto [weights, bias] = gradients[l];
    const LayerView<T> layer = parameters.layer(static_cast<index_t>(l));
    if (weights.rows != layer.weights.rows || weights.cols != layer.weights.cols ||
        bias.size != layer.bias.size)
      throw ArgumentError(fmt::format(
          "{}: the gradient of layer {} is {} x {} and {} biases; it needs to be {} x {} and {}",
          where, l, weights.rows, weights.cols, bias.size, layer.weights.rows, layer.weights.cols,
          layer.bias.size));
    check_output(where, fmt::format("gradients[{}].weights", l), weights);
    check_output(where, fmt::format("gradients[{}].bias", l),
                 View<T>{bias.data, bias.size, 1, bias.stride, 1});
    check_apart(untyped(weights), l);
    check_apart(untyped(bias), l);
  }
}

template <class T>
template <class Pass>
void Network<T>::Impl::for_each_chunk(ConstView<T> x, Pass pass) const {
  Workspace<T> chunk_workspace(sizes, WorkspaceUse::inference);
  chunk_workspace.reserve(std::min(x.rows, kChunk));
  BatchViews<T> chunk;
  Plan<T> plan;
  for (index_t first = 0; first < x.rows; first += kChunk) {
    const index_t n = std::min(kChunk, x.rows - first);
    chunk_workspace.bind(n, chunk);
    plan.calls.clear();
    PlanBuilder<T> builder(parameters, spec.activation, chunk, plan);
    builder.add_forward(block(x, first, 0, n, x.cols));
    pass(first, chunk, builder, plan);
  }
}

template <class T>
Network<T>::Network(NetworkSpec spec, std::shared_ptr<const Backend> backend, std::uint64_t seed) {
  if (backend == nullptr)
    throw ArgumentError("Network: the backend is null; make_backend() gives one");
  impl_ = std::make_unique<Impl>(std::move(spec), std::move(backend));
  initialize(impl_->parameters, impl_->spec.activation, seed);
}

template <class T>
Network<T>::Network(Network&&) noexcept = default;
template <class T>
Network<T>& Network<T>::operator=(Network&&) noexcept = default;
template <class T>
Network<T>::~Network() = default;

template <class T>
const NetworkSpec& Network<T>::spec() const {
  return impl_->spec;
}

template <class T>
const Backend& Network<T>::backend() const {
  return *impl_->backend;
}

template <class T>
index_t Network<T>::layers() const {
  return impl_->parameters.layers();
}

template <class T>
LayerView<T> Network<T>::layer(index_t l) {
  if (l < 0 || l >= layers())
    throw ArgumentError(fmt::format("Network: there is no layer {}; there are {}", l, layers()));
  return impl_->parameters.layer(l);
}

template <class T>
LayerView<const T> Network<T>::layer(index_t l) const {
  const LayerView<T> view = const_cast<Network*>(this)->layer(l);
  return {view.weights, view.bias};
}

template <class T>
index_t Network<T>::parameter_count() const {
  index_t count = 0;
  for (index_t l = 0; l < layers(); ++l) count += layer(l).weights.size() + layer(l).bias.size;
  return count;
}

template <class T>
double Network<T>::penalty(double weight_decay) const {
  double squares = 0;
  for (index_t l = 0; l < layers(); ++l) {
    const ConstView<T> w = layer(l).weights;
    for (index_t i = 0; i < w.size(); ++i) {
      const auto value = static_cast<double>(w.data[i]);
      squares += value * value;
    }
  }
  return weight_decay / 2 * squares;
}

template <class T>
void Network<T>::predict(ConstView<T> x, View<T> probabilities) const {
  constexpr const char* where = "Network::predict";
  impl_->check_input_shape(where, x);
  check_output(where, "probabilities", probabilities);
  if (probabilities.rows != x.rows || probabilities.cols != impl_->spec.classes)
    throw ArgumentError(
        fmt::format("{}: probabilities is {} x {}; it needs to be {} x {}, samples x classes",
                    where, probabilities.rows, probabilities.cols, x.rows, impl_->spec.classes));
  if (overlap(*footprint(untyped(probabilities)), *footprint(untyped(x))))
    throw ArgumentError(fmt::format("{}: probabilities overlaps x", where));
  impl_->for_each_chunk(x, [&](index_t first, const BatchViews<T>& chunk, auto&, Plan<T>& plan) {
    plan.calls.push_back(
        Softmax<T>{chunk.activations.back(),
                   block(probabilities, first, 0, chunk.samples, probabilities.cols)});
    impl_->run(plan);
  });
}

template <class T>
BatchResult Network<T>::evaluate(ConstView<T> x, std::span<const std::int32_t> labels,
                                 std::span<std::int32_t> predictions) const {
  constexpr const char* where = "Network::evaluate";
  impl_->check_input_shape(where, x);
  const auto n = static_cast<std::size_t>(x.rows);
  if (labels.size() != n)
    throw ArgumentError(
        fmt::format("{}: there are {} labels for {} samples", where, labels.size(), n));
  if (!predictions.empty() && predictions.size() != n)
    throw ArgumentError(fmt::format("{}: there is room for {} predictions of {} samples", where,
                                    predictions.size(), n));
  check_labels(where, {labels.data(), x.rows, 1}, impl_->spec.classes);
  BatchResult total;
  impl_->for_each_chunk(
      x, [&](index_t first, const BatchViews<T>& chunk, auto& builder, Plan<T>& plan) {
        std::copy_n(labels.begin() + first, chunk.samples, chunk.labels.data);
        builder.add_loss();
        impl_->run(plan);
        const BatchResult part = summary(chunk, static_cast<double>(chunk.samples));
        total.loss_sum += part.loss_sum;
        total.weight_sum += part.weight_sum;
        total.correct += part.correct;
        if (!predictions.empty())
          std::copy_n(chunk.predictions.data, chunk.samples, predictions.begin() + first);
      });
  return total;
}

template <class T>
View<T> Network<T>::batch_input(index_t n) {
  if (n < 1)
    throw ArgumentError(
        fmt::format("Network::batch_input: a mini-batch of {} samples; it needs at least 1", n));
  if (impl_->workspace.reserve(n))
    for (auto& plan : impl_->plans) plan.samples = 0;  // they point into the old memory
  impl_->workspace.bind(n, impl_->batch);
  return impl_->batch.activations.front();
}

template <class T>
BatchResult Network<T>::train_batch(std::span<const std::int32_t> labels,
                                    std::span<const T> weights, const SgdOptions& options) {
  check_options(options);
  const double weight_sum = impl_->take_batch("Network::train_batch", labels, weights);
  Plan<T>& plan = impl_->training_plan(options);
  impl_->weight_loss(plan, !weights.empty(), weight_sum);
  impl_->run(plan);
  return summary(impl_->batch, weight_sum);
}

template <class T>
void Network<T>::reset_velocity() {
  if (!impl_->momentum) return;
  AlignedArray<T>& velocity = impl_->momentum->velocity.storage();
  std::fill(velocity.begin(), velocity.end(), T{0});
}

template <class T>
BatchResult Network<T>::gradient(std::span<const std::int32_t> labels, std::span<const T> weights,
                                 double weight_decay, std::span<const LayerView<T>> gradients) {
  SgdOptions options;
  options.weight_decay = weight_decay;
  check_options(options);
  impl_->check_gradients(gradients);
  const double weight_sum = impl_->take_batch("Network::gradient", labels, weights);
  if (weight_decay != 0)  // the penalty's part; the product is added to it
    for (index_t l = 0; l < layers(); ++l) {
      const ConstView<T> w = impl_->parameters.layer(l).weights;
      const View<T> g = gradients[static_cast<std::size_t>(l)].weights;
      for (index_t i = 0; i < w.rows; ++i)
        for (index_t j = 0; j < w.cols; ++j) g(i, j) = w(i, j);
    }
  Plan<T> plan;
  PlanBuilder<T> builder(impl_->parameters, impl_->spec.activation, impl_->batch, plan);
  builder.add_forward(impl_->batch.activations.front());
  builder.add_loss();
  builder.add_gradients(static_cast<T>(weight_decay), gradients);
  check(plan);
  impl_->weight_loss(plan, !weights.empty(), weight_sum);
  impl_->run(plan);
  return summary(impl_->batch, weight_sum);
}

template class Network<float>;
template class Network<double>;

}  // namespace lamella
