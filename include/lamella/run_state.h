// How far a run of training is, and what it holds beside the network and the network's optimiser.
// With those it is all that is needed to go on.
#ifndef LAMELLA_RUN_STATE_H_
#define LAMELLA_RUN_STATE_H_

#include <optional>

#include <lamella/epoch_report.h>
#include <lamella/network.h>
#include <lamella/schedule.h>
#include <lamella/weight_average.h>

namespace lamella {

/// The state of a run of train(), which is up to date in every callback. A new one is the state
/// before the first step.
template <class T>
struct RunState {
  index_t epoch = 1;         ///< under way, from 1
  index_t samples_done = 0;  ///< of this epoch
  // Of this epoch so far:
  BatchResult total = {};
  index_t samples_learnt = 0;  ///< not those of mini-batches without weight
  double learning_rate = 0;    ///< of the last step
  double seconds = 0;          ///< training alone
  // Of the epochs that are complete:
  double seconds_of_epochs = 0;            ///< training alone
  EpochReport last = {};                   ///< epoch 0: none
  EpochReport best = {};                   ///< by TrainOptions::monitor; epoch 0: none
  index_t epochs_without_improvement = 0;  ///< EarlyStopping, in a row

  PlateauState plateau = {};  ///< of a PlateauSchedule

  std::optional<WeightAverage<T>> average = {};  ///< to be set by the caller before the run
  std::optional<Network<T>> best_weights = {};  ///< with KeptWeights::best, from the first epoch on

  /// What is measured and saved: the average of the weights as soon as it has begun, otherwise
  /// `network`, which is that of the run.
  const Network<T>& measured(const Network<T>& network) const {
    return average && average->has_begun() ? average->network() : network;
  }
};

}  // namespace lamella

#endif  // LAMELLA_RUN_STATE_H_
