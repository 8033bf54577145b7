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
#include "core/training/augment.h"
#include "core/training/evaluation.h"

namespace lamella {

using namespace detail;

namespace {

// Adds up the time between start and stop, which is that of training without callbacks and
// evaluation.
class Stopwatch {
 public:
  void start() { started_ = Clock::now(); }
  void stop() { seconds_ += std::chrono::duration<double>(Clock::now() - started_).count(); }
  double seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point started_;
  double seconds_ = 0;
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
  check_dropout("train", {options.dropout, options.seed, 0, {}});
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
  Run(Network<T>& network, const Dataset& data, const Preprocessing& preprocessing,
      const TrainOptions& options, const TrainCallbacks& callbacks, WeightAverage<T>* average)
      : network_(network),
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

  // Trains on every sample once.
  EpochReport epoch(index_t number) {
    progress_ = {};
    progress_.epoch = number;
    progress_.epochs = options_.epochs;
    progress_.samples = data_.samples();
    total_ = {};
    samples_learnt_ = 0;
    Stopwatch watch;
    watch.start();
    // A single mini-batch holds the same samples in any order.
    if (options_.shuffle && batch_size_ < data_.samples())
      shuffled_indices(order_, options_.seed, static_cast<std::uint32_t>(number));
    watch.stop();
    for (index_t first = 0; first < data_.samples(); first += batch_size_) {
      watch.start();
      step(first, std::min(batch_size_, data_.samples() - first));
      watch.stop();
      progress_.seconds = watch.seconds();
      if (callbacks_.on_progress) callbacks_.on_progress(progress_);
    }
    EpochReport report;
    report.epoch = number;
    report.learning_rate = learning_rate_;
    report.train_loss = progress_.mean_loss;
    report.train_accuracy = progress_.accuracy;
    report.seconds = watch.seconds();
    report.samples_per_second = static_cast<double>(data_.samples()) / watch.seconds();
    return report;
  }

 private:
  void step(index_t first, index_t n) {
    const auto count = static_cast<std::size_t>(n);
    const auto indices =
        std::span<const std::int32_t>(order_).subspan(static_cast<std::size_t>(first), count);
    const auto epoch = static_cast<std::uint32_t>(progress_.epoch);
    progress_.samples_done = first + n;
    for (std::size_t s = 0; s < count && !weight_of_.empty(); ++s)
      weights_[s] = weight_of_[static_cast<std::size_t>(indices[s])];
    const auto weights = std::span<const T>(weights_).first(weight_of_.empty() ? 0 : count);
    if (!weights.empty() && std::ranges::all_of(weights, [](T weight) { return weight == 0; }))
      return;
    if (options_.augmentation.active())
      augmenter_.gather(indices, epoch, gatherer_, network_.batch_input(n));
    else if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&data_.values()))
      network_.gather_batch(gatherer_.call(*bytes, indices));
    else
      gatherer_.gather(data_.values(), indices, network_.batch_input(n));
    for (std::size_t s = 0; s < count; ++s)
      labels_[s] = data_.labels()[static_cast<std::size_t>(indices[s])];
    learning_rate_ =
        learning_rate(options_.optimizer) *
        rate_factor(options_.schedule, (progress_.epoch - 1) * steps_ + first / batch_size_, steps_,
                    options_.epochs);
    const BatchResult result =
        network_.train_batch(std::span<const std::int32_t>(labels_.data(), count), weights,
                             with_learning_rate(options_.optimizer, learning_rate_),
                             {options_.dropout, options_.seed, epoch, indices}, options_.loss);
    if (!std::isfinite(result.loss_sum)) fail(first, result);
    if (average_ != nullptr) average_->after_step(network_);
    total_.loss_sum += result.loss_sum;
    total_.weight_sum += result.weight_sum;
    total_.correct += result.correct;
    progress_.mean_loss = total_.loss_sum / total_.weight_sum;
    samples_learnt_ += n;
    progress_.accuracy = static_cast<double>(total_.correct) / static_cast<double>(samples_learnt_);
  }

  [[noreturn]] void fail(index_t first, const BatchResult& result) const {
    throw TrainingError(formatted(
        "train: the loss is {} in epoch {}, batch {} of {}, with learning rate {}; try a smaller "
        "learning rate such as {}, or look for NaN, infinite or badly scaled values in the data",
        result.loss_sum, progress_.epoch, first / batch_size_ + 1, steps_, learning_rate_,
        learning_rate_ / 10));
  }

  Network<T>& network_;
  WeightAverage<T>* average_;  // null: none
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
  BatchResult total_;           // of the epoch so far
  index_t samples_learnt_ = 0;  // of the epoch so far; not those of batches without weight
  double learning_rate_ = 0;    // of the last step
};

}  // namespace

template <class T>
std::vector<EpochReport> train(Network<T>& network, const Dataset& training_data,
                               const Dataset* test_data, const Preprocessing& preprocessing,
                               const TrainOptions& options, const TrainCallbacks& callbacks,
                               WeightAverage<T>* average) {
  check_train_options(options);
  check_fits("train", "training", network.spec(), training_data, preprocessing);
  check_class_weights(options.class_weights, network.spec().classes);
  check_augmentation("train", options.augmentation, training_data);
  if (test_data != nullptr) check_fits("train", "test", network.spec(), *test_data, preprocessing);

  // It may refuse the weights of samples, and then the optimiser must keep its memory.
  Run<T> run(network, training_data, preprocessing, options, callbacks, average);
  if (options.first_epoch == 1) {
    network.reset_optimizer();
    if (average != nullptr) average->restart(network);
  }
  std::vector<EpochReport> reports;
  reports.reserve(static_cast<std::size_t>(std::min(options.epochs, kReportsReserved)));
  for (index_t epoch = options.first_epoch; epoch <= options.epochs; ++epoch) {
    EpochReport report = run.epoch(epoch);
    if (average != nullptr) average->after_epoch(network, epoch);
    if (test_data != nullptr) {
      const bool averages = average != nullptr && average->has_begun();
      const BatchResult result =
          evaluate_dataset(averages ? average->network() : network, *test_data, preprocessing);
      report.test_loss = result.loss_sum / result.weight_sum;
      report.test_accuracy = static_cast<double>(result.correct) / result.weight_sum;
    }
    reports.push_back(report);
    if (callbacks.on_epoch) callbacks.on_epoch(report);
  }
  return reports;
}

template std::vector<EpochReport> train(Network<float>&, const Dataset&, const Dataset*,
                                        const Preprocessing&, const TrainOptions&,
                                        const TrainCallbacks&, WeightAverage<float>*);
template std::vector<EpochReport> train(Network<double>&, const Dataset&, const Dataset*,
                                        const Preprocessing&, const TrainOptions&,
                                        const TrainCallbacks&, WeightAverage<double>*);

}  // namespace lamella
