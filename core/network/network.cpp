// Network: checks the arguments of callers, and runs the plans that other files build.
//
// The sequence of kernel calls is in plan_builder.cpp, a training step's mini-batch and cached
// plans in training_step.cpp, memory in workspace.cpp and parameters.cpp.
#include <algorithm>
#include <utility>

#include <lamella/chunks.h>
#include <lamella/error.h>
#include <lamella/network.h>

#include "core/base/footprint.h"
#include "core/base/format.h"
#include "core/kernels/checks.h"
#include "core/network/initialization.h"
#include "core/network/network_access.h"
#include "core/network/parameters.h"
#include "core/network/plan_builder.h"
#include "core/network/training_step.h"
#include "core/network/workspace.h"

namespace lamella {

using namespace detail;

namespace {

NetworkSpec checked(NetworkSpec spec) {
  const auto check_size = [](const std::string& what, index_t size) {
    if (size < 1)
      throw ArgumentError(formatted("NetworkSpec: {} is {}; it must be at least 1", what, size));
  };
  check_size("inputs", spec.inputs);
  for (std::size_t l = 0; l < spec.hidden.size(); ++l)
    check_size(formatted("hidden[{}]", l), spec.hidden[l]);
  check_size("classes", spec.classes);
  check_activation("NetworkSpec", spec.activation);
  if (normalization_by_name(normalization_name(spec.normalization)) != spec.normalization)
    throw ArgumentError(formatted("NetworkSpec: normalization is {}, which is none of the enum",
                                  static_cast<int>(spec.normalization)));
  return spec;
}

}  // namespace

template <class T>
struct Network<T>::Impl {
  Impl(NetworkSpec given, std::shared_ptr<const Backend> b)
      : spec(checked(std::move(given))),
        backend(std::move(b)),
        parameters(spec),
        step(spec, parameters) {}

  void run(const Plan<T>& plan) const {
    backend->template kernels<T>().run(plan);
    backend->throw_if_failed();
  }

  void check_input_shape(const char* where, ConstView<T> x) const;
  void check_gradients(std::span<const LayerView<T>> gradients) const;

  // Calls pass(first sample, batch, builder, plan) for each chunk of x, with a plan that holds its
  // forward pass.
  template <class Pass>
  void forward_by_chunks(ConstView<T> x, Pass pass) const;

  NetworkSpec spec;
  std::shared_ptr<const Backend> backend;
  Parameters<T> parameters;
  TrainingStep<T> step;
};

template <class T>
void Network<T>::Impl::check_input_shape(const char* where, ConstView<T> x) const {
  check_input(where, "x", x);
  if (x.cols != spec.inputs)
    throw ArgumentError(
        formatted("{}: x is {} x {} but the network has {} inputs; x needs {} columns", where,
                  x.rows, x.cols, spec.inputs, spec.inputs));
}

template <class T>
void Network<T>::Impl::check_gradients(std::span<const LayerView<T>> gradients) const {
  constexpr const char* where = "Network::gradient";
  if (static_cast<index_t>(gradients.size()) != parameters.layers())
    throw ArgumentError(formatted("{}: gradients of {} layers are given but the network has {}",
                                  where, gradients.size(), parameters.layers()));
  std::vector<Footprint> written{*footprint(untyped(parameters.storage().view()))};
  const auto check_apart = [&](const UntypedView& view, std::size_t l) {
    const Footprint bytes = *footprint(view);
    for (const Footprint& other : written)
      if (overlap(bytes, other))
        throw ArgumentError(formatted(
            "{}: the gradient of layer {} overlaps another gradient or the parameters", where, l));
    written.push_back(bytes);
  };
  for (std::size_t l = 0; l < gradients.size(); ++l) {
    const LayerView<T> gradient = gradients[l];
    const LayerView<T> layer = parameters.layer(static_cast<index_t>(l));
    if (gradient.weights.rows != layer.weights.rows ||
        gradient.weights.cols != layer.weights.cols || gradient.bias.size != layer.bias.size)
      throw ArgumentError(formatted(
          "{}: the gradient of layer {} is {} x {} and {} biases; it needs to be {} x {} and {}",
          where, l, gradient.weights.rows, gradient.weights.cols, gradient.bias.size,
          layer.weights.rows, layer.weights.cols, layer.bias.size));
    if (gradient.scale.size != layer.scale.size)
      throw ArgumentError(formatted("{}: the gradient of layer {} has {} scales; it needs {}",
                                    where, l, gradient.scale.size, layer.scale.size));
    const auto check_vector = [&](const char* what, VectorView<T> v) {
      if (v.empty()) return;
      check_output(where, formatted("gradients[{}].{}", l, what),
                   View<T>{v.data, v.size, 1, v.stride, 1});
      check_apart(untyped(v), l);
    };
    check_output(where, formatted("gradients[{}].weights", l), gradient.weights);
    check_apart(untyped(gradient.weights), l);
    check_vector("bias", gradient.bias);
    check_vector("scale", gradient.scale);
  }
}

template <class T>
template <class Pass>
void Network<T>::Impl::forward_by_chunks(ConstView<T> x, Pass pass) const {
  Workspace<T> workspace(spec, WorkspaceUse::inference);
  const FoldedNormalization<T> folded(parameters);
  workspace.reserve(std::min(x.rows, kChunkSamples));
  BatchViews<T> chunk;
  StepPlan<T> forward;
  for_each_chunk(x.rows, [&](index_t first, index_t n) {
    workspace.bind(n, chunk);
    forward.clear();
    PlanBuilder<T> builder(parameters, spec, chunk, forward);
    builder.add_prediction(block(x, first, 0, n, x.cols), folded);
    pass(first, chunk, builder, forward.plan);
  });
}

template <class T>
Network<T>::Network(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

template <class T>
Network<T> Network<T>::zeros(NetworkSpec spec, std::shared_ptr<const Backend> backend) {
  if (backend == nullptr)
    throw ArgumentError("Network: the backend is null; make_backend() gives one");
  return Network(std::make_unique<Impl>(std::move(spec), std::move(backend)));
}

template <class T>
Network<T>::Network(NetworkSpec spec, std::shared_ptr<const Backend> backend, std::uint64_t seed,
                    Initialization initialization)
    : Network(zeros(std::move(spec), std::move(backend))) {
  if (initialization_by_name(initialization_name(initialization)) != initialization)
    throw ArgumentError(formatted("Network: initialization is {}, which is none of the enum",
                                  static_cast<int>(initialization)));
  initialize(impl_->parameters, impl_->spec.activation, initialization, seed);
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
    throw ArgumentError(formatted("Network: there is no layer {}; there are {}", l, layers()));
  return impl_->parameters.layer(l);
}

template <class T>
LayerView<const T> Network<T>::layer(index_t l) const {
  const LayerView<T> view = const_cast<Network*>(this)->layer(l);
  return {view.weights, view.bias, view.scale, view.running_mean, view.running_variance};
}

template <class T>
index_t Network<T>::parameter_count() const {
  index_t count = 0;
  for (index_t l = 0; l < layers(); ++l)
    for_each_learnt([&](Decay, const auto& tensor) { count += tensor.size(); }, layer(l));
  return count;
}

template <class T>
double Network<T>::penalty(double weight_decay) const {
  double squares = 0;
  for (index_t l = 0; l < layers(); ++l) {
    const ConstView<T> w = layer(l).weights;
    for (index_t i = 0; i < w.rows; ++i)
      for (index_t j = 0; j < w.cols; ++j) {
        const auto value = static_cast<double>(w(i, j));
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
        formatted("{}: probabilities is {} x {}; it needs to be {} x {}, samples x classes", where,
                  probabilities.rows, probabilities.cols, x.rows, impl_->spec.classes));
  if (overlap(*footprint(untyped(probabilities)), *footprint(untyped(x))))
    throw ArgumentError(formatted("{}: probabilities overlaps x", where));
  impl_->forward_by_chunks(x, [&](index_t first, const BatchViews<T>& chunk, auto&, Plan<T>& plan) {
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
        formatted("{}: there are {} labels for {} samples", where, labels.size(), n));
  if (!predictions.empty() && predictions.size() != n)
    throw ArgumentError(formatted("{}: there is room for {} predictions of {} samples", where,
                                  predictions.size(), n));
  check_labels(where, {labels.data(), x.rows, 1}, impl_->spec.classes);
  BatchResult total;
  impl_->forward_by_chunks(
      x, [&](index_t first, const BatchViews<T>& chunk, auto& builder, Plan<T>& plan) {
        std::copy_n(labels.begin() + first, chunk.samples, chunk.labels.data);
        builder.add_loss();
        impl_->run(plan);
        const BatchResult part = batch_result(chunk, static_cast<double>(chunk.samples));
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
  return impl_->step.input(n);
}

template <class T>
void Network<T>::gather_batch(const GatherBytes<T>& batch) {
  impl_->step.gather(batch);
}

template <class T>
void Network<T>::gather_batch(const MoveImages<T>& moves, const GatherBytes<T>& batch) {
  impl_->step.gather(batch, moves);
}

template <class T>
BatchResult Network<T>::train_batch(std::span<const std::int32_t> labels,
                                    std::span<const T> weights, const Optimizer& optimizer,
                                    const Dropout& dropout, const Loss& loss,
                                    const Regularization& regularization) {
  check_options(optimizer);
  check_regularization("Network::train_batch", regularization);
  impl_->step.set_batch("Network::train_batch", labels, weights, dropout, loss);
  Plan<T>& plan = impl_->step.next_update_plan(optimizer, regularization);
  if (plan.analysis == nullptr) plan.analysis = impl_->backend->template kernels<T>().prepare(plan);
  impl_->run(plan);
  return impl_->step.finish_update();
}

template <class T>
void Network<T>::reset_optimizer() {
  impl_->step.reset_optimizer();
}

template <class T>
BatchResult Network<T>::gradient(std::span<const std::int32_t> labels, std::span<const T> weights,
                                 double weight_decay, std::span<const LayerView<T>> gradients,
                                 const Dropout& dropout, const Loss& loss) {
  SgdOptions options;
  options.weight_decay = weight_decay;
  check_options(options);
  impl_->check_gradients(gradients);
  impl_->step.set_batch("Network::gradient", labels, weights, dropout, loss);
  const Plan<T> plan = impl_->step.gradients(static_cast<T>(weight_decay), gradients);
  if (weight_decay != 0)  // the gradient of the penalty, to which the plan adds that of the loss
    for (index_t l = 0; l < layers(); ++l) {
      const ConstView<T> w = impl_->parameters.layer(l).weights;
      const View<T> g = gradients[static_cast<std::size_t>(l)].weights;
      for (index_t i = 0; i < w.rows; ++i)
        for (index_t j = 0; j < w.cols; ++j) g(i, j) = w(i, j);
    }
  impl_->run(plan);
  return impl_->step.result();
}

template <class T>
std::shared_ptr<const Backend> detail::NetworkAccess::backend(const Network<T>& network) {
  return network.impl_->backend;
}

template <class T>
Parameters<T>& detail::NetworkAccess::parameters(Network<T>& network) {
  return network.impl_->parameters;
}

template <class T>
const Parameters<T>& detail::NetworkAccess::parameters(const Network<T>& network) {
  return network.impl_->parameters;
}

template <class T>
TrainingStep<T>& detail::NetworkAccess::step(Network<T>& network) {
  return network.impl_->step;
}

template <class T>
const TrainingStep<T>& detail::NetworkAccess::step(const Network<T>& network) {
  return network.impl_->step;
}

template class Network<float>;
template class Network<double>;
template TrainingStep<float>& NetworkAccess::step(Network<float>&);
template TrainingStep<double>& NetworkAccess::step(Network<double>&);
template const TrainingStep<float>& NetworkAccess::step(const Network<float>&);
template const TrainingStep<double>& NetworkAccess::step(const Network<double>&);
template std::shared_ptr<const Backend> NetworkAccess::backend(const Network<float>&);
template std::shared_ptr<const Backend> NetworkAccess::backend(const Network<double>&);
template Parameters<float>& NetworkAccess::parameters(Network<float>&);
template Parameters<double>& NetworkAccess::parameters(Network<double>&);
template const Parameters<float>& NetworkAccess::parameters(const Network<float>&);
template const Parameters<double>& NetworkAccess::parameters(const Network<double>&);

}  // namespace lamella
