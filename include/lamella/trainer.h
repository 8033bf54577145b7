// The training loop: epochs of shuffled mini-batches over a Dataset, with a report after each.
//
// Not here: the computation of a step (network.h), and the display of results (the caller's
// callbacks). The library prints nothing.
#ifndef LAMELLA_TRAINER_H_
#define LAMELLA_TRAINER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <lamella/augmentation.h>
#include <lamella/dataset.h>
#include <lamella/export.h>
#include <lamella/loss.h>
#include <lamella/network.h>
#include <lamella/optimizer.h>
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
  Optimizer optimizer = {};  ///< the default is plain gradient descent
  Schedule schedule = {};    ///< of the optimiser's learning rate, over all `epochs`
  Loss loss = {};            ///< of the training steps
  /// None, or one for each class of the network, finite and above 0: a sample counts as much as the
  /// product of its class's weight and its own (Dataset::weights). See balanced_class_weights.
  std::vector<double> class_weights = {};
  double dropout = 0;  ///< probability in [0, 1) that a step drops a hidden unit (Dropout)
  Augmentation augmentation =
      {};                  ///< of the training data; training figures are then of its result
  std::uint64_t seed = 1;  ///< of shuffle, dropout and augmentation
  bool shuffle = true;
};

/// Results of one epoch. Training figures are those of each mini-batch before its update: the loss
/// is the mean with the weights and the smoothing of the run, the accuracy counts every sample
/// once. Test figures have neither weights nor smoothing.
struct EpochReport {
  index_t epoch = 0;         ///< from 1
  double learning_rate = 0;  ///< of the last step
  double train_loss = 0;
  double train_accuracy = 0;
  std::optional<double> test_loss;
  std::optional<double> test_accuracy;
  double seconds = 0;             ///< training alone, without the evaluation on test data
  double samples_per_second = 0;  ///< training alone
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

/// Trains `network` on `training_data`. After each epoch it is evaluated on `test_data` too, unless
/// that is null. Returns the reports of epochs first_epoch ... epochs.
///
/// `average`, unless it is null, follows the steps of `network`; test figures are then its own, as
/// soon as it has begun. With first_epoch 1 it is restarted.
///
/// A mini-batch whose samples all have weight 0 takes no step. Throws ArgumentError for options out
/// of range or data that do not fit the network, TrainingError when the loss is no longer finite
/// (naming epoch and batch; the network then holds the parameters of that moment). The same seed,
/// data, network and instruction set give the same bits for every thread count.
template <class T>
LAMELLA_API std::vector<EpochReport> train(Network<T>& network, const Dataset& training_data,
                                           const Dataset* test_data,
                                           const Preprocessing& preprocessing,
                                           const TrainOptions& options,
                                           const TrainCallbacks& callbacks = {},
                                           WeightAverage<T>* average = nullptr);

}  // namespace lamella

#endif  // LAMELLA_TRAINER_H_
