// Averages of weights, each update of which is one pass of a kernel over a layer.
#include <cmath>
#include <utility>

#include <lamella/error.h>
#include <lamella/weight_average.h>

#include "core/base/format.h"
#include "core/network/parameters.h"

namespace lamella {

using namespace detail;

namespace {

void check(const ExponentialAverage& averaging) {
  if (!(averaging.decay >= 0 && averaging.decay < 1))
    throw ArgumentError(
        formatted("ExponentialAverage: decay is {}; it must be in [0, 1)", averaging.decay));
  if (averaging.every < 1)
    throw ArgumentError(
        formatted("ExponentialAverage: every is {}; it must be at least 1", averaging.every));
}

void check(const EpochAverage& averaging) {
  if (averaging.first_epoch < 1)
    throw ArgumentError(
        formatted("EpochAverage: first_epoch is {}; epochs count from 1", averaging.first_epoch));
}

}  // namespace

template <class T>
WeightAverage<T>::WeightAverage(const Network<T>& network, std::shared_ptr<const Backend> backend,
                                const Averaging& averaging)
    : averaging_(averaging), average_(Network<T>::zeros(network.spec(), std::move(backend))) {
  std::visit([](const auto& how) { check(how); }, averaging_);
  restart(network);
}

template <class T>
void WeightAverage<T>::restart(const Network<T>& network) {
  approach(network, 1);
  steps_ = averaged_ = 0;
}

template <class T>
void WeightAverage<T>::resume(index_t steps, index_t averaged) {
  if (steps < 0 || averaged < 0)
    throw ArgumentError(
        formatted("WeightAverage: resumed after {} steps and {} averages; neither "
                  "can be negative",
                  steps, averaged));
  steps_ = steps;
  averaged_ = averaged;
}

template <class T>
void WeightAverage<T>::after_step(const Network<T>& network) {
  ++steps_;
  const auto* const moving = std::get_if<ExponentialAverage>(&averaging_);
  if (moving == nullptr || steps_ % moving->every != 0) return;
  const double kept = std::pow(moving->decay, static_cast<double>(moving->every));
  approach(network, averaged_ == 0 ? 1 : 1 - kept);
  ++averaged_;
}

template <class T>
void WeightAverage<T>::after_epoch(const Network<T>& network, index_t epoch) {
  const auto* const epochs = std::get_if<EpochAverage>(&averaging_);
  if (epochs == nullptr || epoch < epochs->first_epoch) return;
  ++averaged_;
  approach(network, 1 / static_cast<double>(averaged_));
}

template <class T>
void WeightAverage<T>::approach(const Network<T>& network, double share) {
  if (network.spec() != average_.spec())
    throw ArgumentError("WeightAverage: the network has another specification than the first one");
  // As a step of gradient descent on |W - A|² / 2, whose gradient with respect to A is A - W.
  SgdUpdate<T> update;
  update.learning_rate = static_cast<T>(-share);
  update.weight_decay = -1;
  for (index_t l = 0; l < network.layers(); ++l) {
    const LayerView<const T> from = network.layer(l);
    const LayerView<T> to = average_.layer(l);
    if (share == 1) {  // A + (W - A) is not W after rounding
      copy_tensors(from, to);
      continue;
    }
    for_each_tensor(
        [&](ConstView<T> tensor, View<T> average) {
          update.gradient = tensor;
          update.weights = average;
          average_.backend().run(update);
        },
        from, to);
  }
}

template class WeightAverage<float>;
template class WeightAverage<double>;

}  // namespace lamella
