// The training loop: shuffle, gather, step; after each epoch, evaluate and report.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include <lamella/error.h>
#include <lamella/trainer.h>

#include "core/base/format.h"
#include "core/base/random.h"
#include "core/data/gather.h"
#include "core/kernels/checks.h"
#include "core/network/dropout.h"
#include "core/network/network_access.h"
#include "core/training/augment.h"
#include "core/training/evaluation.h"

namespace lamella {

using namespace detail;

namespace {

// Adds up the time between start and stop, which is that of training without callbacks and
// evaluation.
class Stopwatch {
 public:
  explicit Stopwatch(double seconds) : seconds_(seconds) {}

  void start() { started_ = Clock::now(); }
  void stop() { seconds_ += std::chrono::duration<double>(Clock::now() - started_).count(); }
  double seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point started_;
  double seconds_;
};

// Reports for which memory is reserved in advance, so that the loop allocates nothing.
constexpr index_t kReportsReserved = 1000;

void check_train_options(const TrainOptions& options) {
  if (options.epochs < 1 || options.epochs > std::numeric_limits<std::uint32_t>::max())
    throw ArgumentError(
        formatted("train: epochs is {}; it must be at least 1 and below 2^32", options.epochs));
  if (options.first_epoch < 1 || options.first_epoch > options.epochs)
    throw ArgumentError(formatted("train: first_epoch is {}; it must be from 1 to epochs, {}",
                                  options.first_epoch, options.epochs));
  if (options.batch_size < 1)
    throw ArgumentError(
        formatted("train: batch_size is {}; it must be at least 1", options.batch_size));
  check_options(options.optimizer);
  rate_factor(options.schedule, 0, 1, options.epochs);  // checks the schedule
  check_loss("train", options.loss);
  check_regularization("train", options.regularization);
  const EarlyStopping& stopping = options.early_stopping;
  if (stopping.patience < 0)
    throw ArgumentError(
        formatted("train: patience is {}; it must not be negative", stopping.patience));
  if (!(stopping.min_improvement >= 0 && std::isfinite(stopping.min_improvement)))
    throw ArgumentError(
        formatted("train: min_improvement is {}; it must be finite and not negative",
                  stopping.min_improvement));
}

bool decides_on_validation_data(const TrainOptions& options) {
  return options.early_stopping.patience > 0 || options.keep == KeptWeights::best ||
         std::holds_alternative<PlateauSchedule>(options.schedule.course);
}

void check_class_weights(const std::vector<double>& weights, index_t classes) {
  if (weights.empty()) return;
  if (std::ssize(weights) != classes)
    throw ArgumentError(
        formatted("train: {} class weights for {} classes", weights.size(), classes));
  const auto bad = std::ranges::find_if(
      weights, [](double weight) { return !(weight > 0 && std::isfinite(weight)); });
  if (bad != weights.end())
    throw ArgumentError(
        formatted("train: the weight of class {} is {}; it must be positive and finite",
                  bad - weights.begin(), *bad));
}

// Whether a mini-batch of one sample is left out: batch normalisation cannot learn from it.
bool needs_two_samples(const NetworkSpec& spec) {
  return spec.normalization == Normalization::batch && !spec.hidden.empty();
}

// How much each sample counts: its own weight times that of its class. Empty if all count 1.
template <class T>
std::vector<T> sample_weights(const Dataset& data, const std::vector<double>& class_weights) {
  std::vector<T> weights;
  if (data.weights().empty() && class_weights.empty()) return weights;
  weights.reserve(static_cast<std::size_t>(data.samples()));
  for (std::size_t s = 0; s < static_cast<std::size_t>(data.samples()); ++s) {
    const double own = data.weights().empty() ? 1 : data.weights()[s];
    const auto label = static_cast<std::size_t>(data.labels()[s]);
    weights.push_back(static_cast<T>(class_weights.empty() ? own : own * class_weights[label]));
    if (!std::isfinite(weights.back()))
      throw ArgumentError(formatted(
          "train: the weight of sample {}, {} times that of its class, is too large", s, own));
  }
  if (std::ranges::all_of(weights, [](T weight) { return weight == 0; }))
    throw ArgumentError("train: all training samples have weight 0, so there is nothing to learn");
  return weights;
}

// One run over the training data.
template <class T>
class Run {
 public:
  Run(Network<T>& network, RunState<T>& state, const Dataset& data,
      const Preprocessing& preprocessing, const TrainOptions& options,
      const TrainCallbacks& callbacks, WeightAverage<T>* average)
      : network_(network),
        state_(state),
        average_(average),
        data_(data),
        options_(options),
        callbacks_(callbacks),
        batch_size_(std::min(options.batch_size, data.samples())),
        steps_((data.samples() + batch_size_ - 1) / batch_size_),
        augmenter_(data, options.augmentation, options.seed, batch_size_),
        order_(static_cast<std::size_t>(data.samples())),
        labels_(static_cast<std::size_t>(batch_size_)),
        weight_of_(sample_weights<T>(data, options.class_weights)),
        weights_(weight_of_.empty() ? 0 : static_cast<std::size_t>(batch_size_)),
        gatherer_(network.backend(), preprocessing, data.features()) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  // Trains on every sample of the epoch under way that is still to come.
  EpochReport epoch() {
    progress_ = {};
    progress_.epoch = state_.epoch;
    progress_.epochs = options_.epochs;
    progress_.samples = data_.samples();
    Stopwatch watch(state_.seconds);
    watch.start();
    // A single mini-batch holds the same samples in any order.
    if (options_.shuffle && batch_size_ < data_.samples())
      shuffled_indices(order_, options_.seed, static_cast<std::uint32_t>(state_.epoch));
    watch.stop();
    while (state_.samples_done < data_.samples()) {
      watch.start();
      step(state_.samples_done, std::min(batch_size_, data_.samples() - state_.samples_done));
      watch.stop();
      progress_.seconds = state_.seconds = watch.seconds();
      if (callbacks_.on_progress) callbacks_.on_progress(progress_);
    }
    EpochReport report;
    report.epoch = state_.epoch;
    report.learning_rate = state_.learning_rate;
    report.train_loss = mean_loss();
    report.train_accuracy = accuracy();
    report.seconds = state_.seconds;
    report.samples_per_second = static_cast<double>(data_.samples()) / state_.seconds;
    return report;
  }

 private:
  void step(index_t first, index_t n) {
    const auto count = static_cast<std::size_t>(n);
    const auto indices =
        std::span<const std::int32_t>(order_).subspan(static_cast<std::size_t>(first), count);
    const auto epoch = static_cast<std::uint32_t>(progress_.epoch);
    if (n == 1 && needs_two_samples(network_.spec())) {
      progress_.samples_done = state_.samples_done = first + n;
      return;
    }
    for (std::size_t s = 0; s < count && !weight_of_.empty(); ++s)
      weights_[s] = weight_of_[static_cast<std::size_t>(indices[s])];
    const auto weights = std::span<const T>(weights_).first(weight_of_.empty() ? 0 : count);
    if (!weights.empty() && std::ranges::all_of(weights, [](T weight) { return weight == 0; })) {
      progress_.samples_done = state_.samples_done = first + n;
      return;
    }
    if (options_.augmentation.active())
      augmenter_.gather(indices, epoch, gatherer_, network_);
    else if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&data_.values()))
      network_.gather_batch(gatherer_.call(*bytes, indices));
    else
      gatherer_.gather(data_.values(), indices, network_.batch_input(n));
    for (std::size_t s = 0; s < count; ++s)
      labels_[s] = data_.labels()[static_cast<std::size_t>(indices[s])];
    state_.learning_rate =
        learning_rate(options_.optimizer) * state_.plateau.factor *
        rate_factor(options_.schedule, (progress_.epoch - 1) * steps_ + first / batch_size_, steps_,
                    options_.epochs);
    const BatchResult result =
        network_.train_batch(std::span<const std::int32_t>(labels_.data(), count), weights,
                             with_learning_rate(options_.optimizer, state_.learning_rate),
                             dropout(epoch, indices), options_.loss, options_.regularization);
    if (!std::isfinite(result.loss_sum)) fail(first, result);
    if (average_ != nullptr) average_->after_step(network_);
    state_.total.loss_sum += result.loss_sum;
    state_.total.weight_sum += result.weight_sum;
    state_.total.correct += result.correct;
    state_.samples_learnt += n;
    progress_.samples_done = state_.samples_done = first + n;
    progress_.mean_loss = mean_loss();
    progress_.accuracy = accuracy();
  }

  // Of the epoch so far; 0 before its first step.
  double mean_loss() const {
    return state_.samples_learnt == 0 ? 0 : state_.total.loss_sum / state_.total.weight_sum;
  }
  double accuracy() const {
    return state_.samples_learnt == 0 ? 0
                                      : static_cast<double>(state_.total.correct) /
                                            static_cast<double>(state_.samples_learnt);
  }

  Dropout dropout(std::uint32_t epoch, std::span<const std::int32_t> samples) const {
    return {options_.dropout, options_.seed,          epoch,
            samples,          options_.input_dropout, options_.hidden_dropout};
  }

  [[noreturn]] void fail(index_t first, const BatchResult& result) const {
    throw TrainingError(formatted(
        "train: the loss is {} in epoch {}, batch {} of {}, with learning rate {}; try a smaller "
        "learning rate such as {}, or look for NaN, infinite or badly scaled values in the data",
        result.loss_sum, progress_.epoch, first / batch_size_ + 1, steps_, state_.learning_rate,
        state_.learning_rate / 10));
  }

  Network<T>& network_;
  RunState<T>& state_;
  WeightAverage<T>* average_;  // null: none; that of the state, or the caller's
  const Dataset& data_;
  const TrainOptions& options_;
  const TrainCallbacks& callbacks_;
  index_t batch_size_;
  index_t steps_;  // of an epoch
  Augmenter augmenter_;
  std::vector<std::int32_t> order_;   // sample indices in the order of this epoch
  std::vector<std::int32_t> labels_;  // of the current mini-batch
  std::vector<T> weight_of_;          // how much each sample counts; empty: all count the same
  std::vector<T> weights_;            // of the current mini-batch
  Gatherer<T> gatherer_;
  Progress progress_;
};

struct Figures {
  double loss = 0;
  double accuracy = 0;
};

template <class T>
Figures figures(const Network<T>& network, const Dataset& data,
                const Preprocessing& preprocessing) {
  const BatchResult result = evaluate_dataset(network, data, preprocessing);
  return {result.loss_sum / result.weight_sum,
          static_cast<double>(result.correct) / result.weight_sum};
}

// Notes in the state how good the weights of `measured` are, which the report is about.
template <class T>
void observe(RunState<T>& state, const EpochReport& report, const TrainOptions& options,
             const Network<T>& measured) {
  const double value = monitored(report, options.monitor);
  if (const auto* const plateau = std::get_if<PlateauSchedule>(&options.schedule.course))
    after_epoch(*plateau, state.plateau, options.monitor, value);
  const auto improves_by_more_than = [&](double margin) {
    if (state.best.epoch == 0) return std::isfinite(value);
    return is_better(options.monitor, value, monitored(state.best, options.monitor), margin);
  };
  if (improves_by_more_than(options.early_stopping.min_improvement))
    state.epochs_without_improvement = 0;
  else
    ++state.epochs_without_improvement;
  if (!improves_by_more_than(0)) return;
  state.best = report;
  state.best.best_epoch = report.epoch;
  if (options.keep == KeptWeights::best) copy_parameters(measured, *state.best_weights);
}

// Whether a run with these options can have left the state.
template <class T>
void check_state(const RunState<T>& state, const Network<T>& network, const Dataset& data,
                 const TrainOptions& options) {
  const index_t batch_size = std::min(options.batch_size, data.samples());
  if (state.epoch < 1 || state.samples_done < 0 || state.samples_done > data.samples() ||
      (state.samples_done < data.samples() && batch_size > 0 &&
       state.samples_done % batch_size != 0))
    throw ArgumentError(formatted(
        "train: the state is that of epoch {} after {} samples, where no mini-batch of {} ends",
        state.epoch, state.samples_done, batch_size));
  if (state.average && state.average->network().spec() != network.spec())
    throw ArgumentError(
        "train: the average of the state has another specification than the network");
  if (state.best_weights && state.best_weights->spec() != network.spec())
    throw ArgumentError("train: the best weights have another specification than the network");
}

template <class T>
void begin_next_epoch(RunState<T>& state, const EpochReport& report) {
  state.last = report;
  state.seconds_of_epochs += report.seconds;
  ++state.epoch;
  state.samples_done = state.samples_learnt = 0;
  state.total = {};
  state.seconds = 0;
}

template <class T>
std::vector<EpochReport> train_from(RunState<T>& state, Network<T>& network,
                                    WeightAverage<T>* average, const TrainData& data,
                                    const Preprocessing& preprocessing, const TrainOptions& options,
                                    const TrainCallbacks& callbacks) {
  check_train_options(options);
  check_fits("train", "training", network.spec(), data.training, preprocessing);
  if (needs_two_samples(network.spec()) &&
      std::min(options.batch_size, data.training.samples()) < 2)
    throw ArgumentError(formatted(
        "train: batch_size is {} with {} training sample{}; batch normalisation needs "
        "mini-batches of at least 2 samples",
        options.batch_size, data.training.samples(), data.training.samples() == 1 ? "" : "s"));
  check_class_weights(options.class_weights, network.spec().classes);
  check_dropout(
      "train",
      {options.dropout, options.seed, 0, {}, options.input_dropout, options.hidden_dropout},
      network.layers() - 1);
  check_augmentation("train", options.augmentation, data.training);
  if (data.validation != nullptr)
    check_fits("train", "validation", network.spec(), *data.validation, preprocessing);
  else if (decides_on_validation_data(options))
    throw ArgumentError(
        "train: early stopping, the best weights and a plateau go by validation data, and there "
        "are none");
  if (data.test != nullptr) check_fits("train", "test", network.spec(), *data.test, preprocessing);

  // It may refuse the weights of samples, and then the optimiser must keep its memory.
  Run<T> run(network, state, data.training, preprocessing, options, callbacks, average);
  if (state.epoch == 1 && state.samples_done == 0) {
    network.reset_optimizer();
    if (average != nullptr) average->restart(network);
  }
  if (options.keep == KeptWeights::best && !state.best_weights)
    state.best_weights = Network<T>::zeros(network.spec(), NetworkAccess::backend(network));
  std::vector<EpochReport> reports;
  reports.reserve(static_cast<std::size_t>(std::min(options.epochs, kReportsReserved)));
  while (state.epoch <= options.epochs && !has_stopped_early(state, options)) {
    EpochReport report = run.epoch();
    if (average != nullptr) average->after_epoch(network, report.epoch);
    Network<T>& measured =
        average != nullptr && average->has_begun() ? average->network() : network;
    if (data.validation != nullptr) {
      const auto [loss, accuracy] = figures(measured, *data.validation, preprocessing);
      report.validation_loss = loss;
      report.validation_accuracy = accuracy;
      observe(state, report, options, measured);
      report.best_epoch = state.best.epoch;
    }
    if (data.test != nullptr) {
      const auto [loss, accuracy] = figures(measured, *data.test, preprocessing);
      report.test_loss = loss;
      report.test_accuracy = accuracy;
      if (report.best_epoch == report.epoch) state.best = report;
    }
    begin_next_epoch(state, report);
    reports.push_back(report);
    if (callbacks.on_epoch) callbacks.on_epoch(report);
  }
  if (options.keep == KeptWeights::best && state.best.epoch > 0)
    copy_parameters(*state.best_weights,
                    average != nullptr && average->has_begun() ? average->network() : network);
  return reports;
}

}  // namespace

template <class T>
bool has_stopped_early(const RunState<T>& state, const TrainOptions& options) {
  const index_t patience = options.early_stopping.patience;
  return patience > 0 && state.epochs_without_improvement >= patience;
}

template <class T>
std::vector<EpochReport> train(Network<T>& network, RunState<T>& state, const TrainData& data,
                               const Preprocessing& preprocessing, const TrainOptions& options,
                               const TrainCallbacks& callbacks) {
  if (options.first_epoch != 1)
    throw ArgumentError(
        formatted("train: first_epoch is {}; it must be 1, because the state says where to begin",
                  options.first_epoch));
  check_state(state, network, data.training, options);
  return train_from(state, network, state.average ? &*state.average : nullptr, data, preprocessing,
                    options, callbacks);
}

template <class T>
std::vector<EpochReport> train(Network<T>& network, const Dataset& training_data,
                               const Dataset* test_data, const Preprocessing& preprocessing,
                               const TrainOptions& options, const TrainCallbacks& callbacks,
                               WeightAverage<T>* average) {
  RunState<T> state;
  state.epoch = options.first_epoch;
  return train_from(state, network, average, {training_data, nullptr, test_data}, preprocessing,
                    options, callbacks);
}

template bool has_stopped_early(const RunState<float>&, const TrainOptions&);
template bool has_stopped_early(const RunState<double>&, const TrainOptions&);
template std::vector<EpochReport> train(Network<float>&, RunState<float>&, const TrainData&,
                                        const Preprocessing&, const TrainOptions&,
                                        const TrainCallbacks&);
template std::vector<EpochReport> train(Network<double>&, RunState<double>&, const TrainData&,
                                        const Preprocessing&, const TrainOptions&,
                                        const TrainCallbacks&);
template std::vector<EpochReport> train(Network<float>&, const Dataset&, const Dataset*,
                                        const Preprocessing&, const TrainOptions&,
                                        const TrainCallbacks&, WeightAverage<float>*);
template std::vector<EpochReport> train(Network<double>&, const Dataset&, const Dataset*,
                                        const Preprocessing&, const TrainOptions&,
                                        const TrainCallbacks&, WeightAverage<double>*);

}  // namespace lamella
