// The training loop: epochs of shuffled mini-batches over a Dataset, with a report after each.
//
// Not here: the computation of a step (network.h), and the display of results (the caller's
// callbacks). The library prints nothing.
#ifndef LAMELLA_TRAINER_H_
#define LAMELLA_TRAINER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include <lamella/augmentation.h>
#include <lamella/dataset.h>
#include <lamella/early_stopping.h>
#include <lamella/epoch_report.h>
#include <lamella/export.h>
#include <lamella/loss.h>
#include <lamella/network.h>
#include <lamella/optimizer.h>
#include <lamella/run_state.h>
#include <lamella/schedule.h>
#include <lamella/weight_average.h>

namespace lamella {

/// Everything that decides a training run besides data and network.
struct TrainOptions {
  index_t epochs = 10;
  /// Above 1, the run continues one that ended after first_epoch - 1 epochs: epochs first_epoch ...
  /// epochs follow, the optimiser keeps the state that the network holds, and the result has the
  /// same bits as a run without interruption. With 1 the optimiser is reset.
  index_t first_epoch = 1;
  index_t batch_size = 128;
  Optimizer optimizer = {};            ///< the default is plain gradient descent
  Schedule schedule = {};              ///< of the optimiser's learning rate, over all `epochs`
  Loss loss = {};                      ///< of the training steps
  Regularization regularization = {};  ///< of the weights, after each update
  /// None, or one for each class of the network, finite and above 0: a sample counts as much as the
  /// product of its class's weight and its own (Dataset::weights). See balanced_class_weights.
  std::vector<double> class_weights = {};
  double dropout = 0;  ///< probability in [0, 1) that a step drops a hidden unit (Dropout)
  /// None, or the probability of each hidden layer instead, the first nearest the input.
  std::vector<double> hidden_dropout = {};
  double input_dropout = 0;  ///< probability in [0, 1) that a step drops an input
  Augmentation augmentation =
      {};                  ///< of the training data; training figures are then of its result
  std::uint64_t seed = 1;  ///< of shuffle, dropout and augmentation
  bool shuffle = true;
  Monitor monitor = Monitor::loss;       ///< of the validation data, for the next two
  EarlyStopping early_stopping = {};     ///< with a patience above 0 it needs validation data
  KeptWeights keep = KeptWeights::last;  ///< `best` needs validation data
};

/// The data of a run. What is decided in the course of it, is decided on validation data: when it
/// ends, and which weights are the best. So figures of test data, on which nothing is decided, are
/// those that may be expected of new samples. Both are evaluated after each epoch, if they are
/// there.
struct TrainData {
  const Dataset& training;
  const Dataset* validation = nullptr;
  const Dataset* test = nullptr;
};

/// The position of a run within an epoch, for progress displays.
struct Progress {
  index_t epoch = 0;
  index_t epochs = 0;
  index_t samples_done = 0;  ///< in this epoch
  index_t samples = 0;       ///< in an epoch
  double mean_loss = 0;      ///< over the epoch so far
  double accuracy = 0;       ///< over the epoch so far
  double seconds = 0;        ///< since the epoch began
};

/// Callbacks; either may be empty. Exceptions they throw end the run and reach the caller.
struct TrainCallbacks {
  std::function<void(const Progress&)> on_progress = {};  ///< after every mini-batch
  std::function<void(const EpochReport&)> on_epoch = {};  ///< after every epoch
};

/// Trains `network` on `data.training` from `state` on, which follows the run, until all epochs are
/// done or EarlyStopping ends it, and returns the reports of the epochs that have ended meanwhile.
///
/// A new state begins a run: the optimiser is reset, and the average of `state`, if there is one,
/// restarted. A state that a run has left, because a callback threw, goes on where that was, with
/// the network as it was then and the same options and data, and ends at the same bits as a run
/// without interruption. options.first_epoch is 1: the state says where to begin.
///
/// With KeptWeights::best, state.measured(network) has the weights of the best epoch in the end.
///
/// A mini-batch whose samples all have weight 0 takes no step. Throws ArgumentError for options out
/// of range or data that do not fit the network, TrainingError when the loss is no longer finite
/// (naming epoch and batch; the network then holds the parameters of that moment). The same seed,
/// data, network and instruction set give the same bits for every thread count.
template <class T>
LAMELLA_API std::vector<EpochReport> train(Network<T>& network, RunState<T>& state,
                                           const TrainData& data,
                                           const Preprocessing& preprocessing,
                                           const TrainOptions& options,
                                           const TrainCallbacks& callbacks = {});

/// Whether EarlyStopping has ended the run.
template <class T>
LAMELLA_API bool has_stopped_early(const RunState<T>& state, const TrainOptions& options);

/// The same without validation data, with a state of its own. `average`, unless it is null, follows
/// the steps of `network`; test figures are then its own, as soon as it has begun. With first_epoch
/// 1 it is restarted. Returns the reports of epochs first_epoch ... epochs.
template <class T>
LAMELLA_API std::vector<EpochReport> train(Network<T>& network, const Dataset& training_data,
                                           const Dataset* test_data,
                                           const Preprocessing& preprocessing,
                                           const TrainOptions& options,
                                           const TrainCallbacks& callbacks = {},
                                           WeightAverage<T>* average = nullptr);

}  // namespace lamella

#endif  // LAMELLA_TRAINER_H_
