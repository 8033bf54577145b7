// The average of a network's weights over the steps of a training, which often predicts better than
// the last weights do.
//
// Not here: the training loop that calls it (trainer.h).
#ifndef LAMELLA_WEIGHT_AVERAGE_H_
#define LAMELLA_WEIGHT_AVERAGE_H_

#include <variant>

#include <lamella/export.h>
#include <lamella/network.h>

namespace lamella {

/// Exponential moving average: A ← δ A + (1 - δ) W in each step, with δ = decay (Polyak and
/// Juditsky, "Acceleration of stochastic approximation by averaging", 1992, with decaying weights).
/// The average follows in every `every`-th step alone, with decay^every instead: to the eye the
/// same, and for a fraction of the memory traffic. Before the first of these steps A is W.
struct ExponentialAverage {
  double decay = 0.999;  ///< in [0, 1)
  index_t every = 8;     ///< steps, >= 1

  friend bool operator==(const ExponentialAverage&, const ExponentialAverage&) = default;
};

/// The mean of the weights after each epoch from `first_epoch` on (Izmailov et al., "Averaging
/// weights leads to wider optima and better generalization", UAI 2018).
struct EpochAverage {
  index_t first_epoch = 1;  ///< from 1; later than the run's last epoch: nothing is averaged

  friend bool operator==(const EpochAverage&, const EpochAverage&) = default;
};

using Averaging = std::variant<ExponentialAverage, EpochAverage>;

/// A second network whose weights are the average of those of a network that is trained. The
/// running statistics of batch normalisation are averaged as the weights are. train() calls it;
/// programs with loops of their own call after_step and after_epoch.
template <class T>
class LAMELLA_API WeightAverage {
 public:
  /// The average begins with the weights of `network`, and is computed by its backend. Throws
  /// ArgumentError for members of `averaging` out of range.
  WeightAverage(const Network<T>& network, std::shared_ptr<const Backend> backend,
                const Averaging& averaging);

  /// Begins again with the weights of `network`, which has the specification of the first one.
  void restart(const Network<T>& network);
  /// To be called after each step, and after each epoch (counted from 1), of the network that is
  /// trained. O(weights) in those calls that change the average. Throw ArgumentError if the network
  /// has another specification, BackendError if the backend fails.
  void after_step(const Network<T>& network);
  void after_epoch(const Network<T>& network, index_t epoch);

  const Averaging& averaging() const { return averaging_; }
  /// Steps since the beginning, and how often weights have gone into the average.
  index_t steps() const { return steps_; }
  index_t averaged() const { return averaged_; }
  /// Goes on where another average was, whose weights network() has got. Throws ArgumentError for
  /// negative numbers.
  void resume(index_t steps, index_t averaged);

  /// Whether anything has been averaged yet. Until then network() has the weights of the beginning.
  bool has_begun() const { return averaged_ > 0; }
  const Network<T>& network() const { return average_; }
  Network<T>& network() { return average_; }

 private:
  // A ← A + share (W - A).
  void approach(const Network<T>& network, double share);

  Averaging averaging_;
  Network<T> average_;
  index_t steps_ = 0;
  index_t averaged_ = 0;  // how often weights have gone into the average
};

extern template class WeightAverage<float>;
extern template class WeightAverage<double>;

}  // namespace lamella

#endif  // LAMELLA_WEIGHT_AVERAGE_H_
