// Several networks whose probabilities are averaged, and their training at the same time.
//
// Not here: how an ensemble is kept in a file (model_file.h), and the training of one network
// (trainer.h).
#ifndef LAMELLA_ENSEMBLE_H_
#define LAMELLA_ENSEMBLE_H_

#include <functional>
#include <optional>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/dataset.h>
#include <lamella/export.h>
#include <lamella/network.h>
#include <lamella/trainer.h>
#include <lamella/weight_average.h>

namespace lamella {

/// Networks for the same data: the probability of a class is the mean of theirs (Hansen and
/// Salamon, "Neural network ensembles", PAMI 1990). Their errors differ in part, so the mean is
/// more often right, and better calibrated, than each of them.
///
/// Const calls are safe from several threads at once, as those of Network are.
template <class T>
class LAMELLA_API Ensemble {
 public:
  /// Throws ArgumentError if there are no members, or they differ in inputs or classes.
  explicit Ensemble(std::vector<Network<T>> members);

  const std::vector<Network<T>>& members() const { return members_; }
  index_t inputs() const { return members_.front().spec().inputs; }
  index_t classes() const { return members_.front().spec().classes; }

  /// The mean of the members' probabilities for samples x [n, inputs], into `probabilities`
  /// [n, classes]; of one member, its own bits. Allocates a chunk of probabilities besides what
  /// Network::predict does. Throws as Network::predict.
  void predict(ConstView<T> x, View<T> probabilities) const;

 private:
  std::vector<Network<T>> members_;
};

/// What train_ensemble() needs besides network, data and options of a run.
struct EnsembleOptions {
  index_t members = 5;  ///< at least 1
  /// The average of each member's weights, which is then what the ensemble has of it.
  std::optional<Averaging> average = {};
  Initialization initialization = Initialization::by_activation;
};

/// Callbacks of train_ensemble(), with the number of the member (from 0) first. Either may be
/// empty. They are called from several threads, but never two at a time. If one throws, all
/// members stop, and the exception reaches the caller.
struct EnsembleCallbacks {
  std::function<void(index_t, const Progress&)> on_progress = {};
  std::function<void(index_t, const EpochReport&)> on_epoch = {};
};

template <class T>
struct TrainedEnsemble {
  Ensemble<T> ensemble;
  std::vector<std::vector<EpochReport>> reports;  ///< of each member, as train() returns them
};

/// Trains members that differ by their seeds, options.seed + 0, 1, ...: the seed of weights,
/// shuffles, dropout and augmentation. As many members are trained at the same time as the backend
/// may use threads, each with one: that is faster than threads inside of a step, which have to wait
/// for each other. Members that are left over share the threads. The bits are those of train() for
/// each member alone.
///
/// Memory is that of the members and of the workspaces of those that are trained at the same time.
/// Throws as train(), make_backend(request), and ArgumentError for no members, seeds beyond 2^64,
/// or a run that is to be continued (options.first_epoch above 1).
template <class T>
LAMELLA_API TrainedEnsemble<T> train_ensemble(
    const NetworkSpec& spec, const BackendRequest& request, const Dataset& training_data,
    const Dataset* test_data, const Preprocessing& preprocessing, const TrainOptions& options,
    const EnsembleOptions& ensemble, const EnsembleCallbacks& callbacks = {});

extern template class Ensemble<float>;
extern template class Ensemble<double>;

}  // namespace lamella

#endif  // LAMELLA_ENSEMBLE_H_
