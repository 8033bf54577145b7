// How the learning rate changes from step to step of a training run.
//
// Not here: the steps (optimizer.h), and the loop that counts them (trainer.h).
#ifndef LAMELLA_SCHEDULE_H_
#define LAMELLA_SCHEDULE_H_

#include <optional>
#include <variant>

#include <lamella/early_stopping.h>
#include <lamella/export.h>
#include <lamella/view.h>

namespace lamella {

// Each gives the factor of the optimiser's learning rate in a step. Steps count from 0; s is the
// step, S the number of steps of the run, both without those of the warm-up, and e is the epoch as
// a real number, s over the steps of an epoch.

/// 1
struct ConstantSchedule {
  friend bool operator==(const ConstantSchedule&, const ConstantSchedule&) = default;
};

/// factor^⌊e / every⌋
struct StepSchedule {
  double factor = 0.1;  ///< in (0, 1]
  double every = 10;    ///< epochs, > 0

  friend bool operator==(const StepSchedule&, const StepSchedule&) = default;
};

/// factor^e: the rate falls in every step, by `factor` in an epoch.
struct ExponentialSchedule {
  double factor = 0.95;  ///< in (0, 1]

  friend bool operator==(const ExponentialSchedule&, const ExponentialSchedule&) = default;
};

/// last + (1 - last) (1 + cos(π s / S)) / 2: Loshchilov and Hutter, "SGDR: stochastic gradient
/// descent with warm restarts" (ICLR 2017), equation 5, without restarts.
struct CosineSchedule {
  double last = 0;  ///< in [0, 1]

  friend bool operator==(const CosineSchedule&, const CosineSchedule&) = default;
};

/// Up from `first` to 1 and down to `last`, each on half a cosine: Smith and Topin,
/// "Super-convergence: very fast training of neural networks using large learning rates" (2018), in
/// the form that PyTorch's OneCycleLR has. 1 is reached in step rise S - 1, and `last` in step
/// S - 1.
struct OneCycleSchedule {
  double rise = 0.3;     ///< part of the run in which the rate rises, in (0, 1)
  double first = 0.04;   ///< in (0, 1]
  double last = 4.0e-6;  ///< in (0, 1]

  friend bool operator==(const OneCycleSchedule&, const OneCycleSchedule&) = default;
};

/// (1 - cos(2π log₂(1 + (2^cycles - 1) t))) / 2 with t = (s + 1) / (S + 1): cycles of falling
/// frequency, from about 0 to 1 and back (Holzmüller, Grinsztajn and Steinwart, "Better by default:
/// strong pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024, where t = s / S).
struct CosineLogSchedule {
  int cycles = 4;  ///< from 1 to 30

  friend bool operator==(const CosineLogSchedule&, const CosineLogSchedule&) = default;
};

/// 1 at first, and times `factor` whenever the monitored figure of validation data has not improved
/// for more than `patience` epochs in a row: PyTorch's ReduceLROnPlateau in its relative mode, with
/// an eps of 0. It depends on the course of the run (PlateauState), not on the step alone.
struct PlateauSchedule {
  double factor = 0.1;      ///< in (0, 1)
  index_t patience = 10;    ///< epochs, >= 0
  double threshold = 1e-4;  ///< part of the best figure that an improvement exceeds, in [0, 1)
  index_t cooldown = 0;     ///< epochs after a reduction that do not count, >= 0
  double last = 0;          ///< below which the factor does not fall, in [0, 1]

  friend bool operator==(const PlateauSchedule&, const PlateauSchedule&) = default;
};

/// What PlateauSchedule remembers of the epochs so far.
struct PlateauState {
  double factor = 1;  ///< of the learning rate in the next epoch
  std::optional<double> best = {};
  index_t epochs_without_improvement = 0;
  index_t cooldown = 0;  ///< epochs that are left of it
};

/// Takes note of the figure of an epoch that has ended.
LAMELLA_API void after_epoch(const PlateauSchedule& schedule, PlateauState& state, Monitor monitor,
                             double figure);

/// The course of the learning rate over a run: a linear warm-up, and then one of the above.
struct Schedule {
  using Course = std::variant<ConstantSchedule, StepSchedule, ExponentialSchedule, CosineSchedule,
                              OneCycleSchedule, CosineLogSchedule, PlateauSchedule>;

  Course course;
  double warmup = 0;  ///< epochs, >= 0, in which the factor rises as (s + 1) / (steps of warm-up)

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// The factor of the learning rate in step `step` (from 0) of epochs · steps_per_epoch, in (0, 1].
/// That of a PlateauSchedule is without PlateauState::factor, by which train() multiplies it.
/// Throws ArgumentError for members out of range, a warm-up as long as the run, or a step outside
/// of it.
LAMELLA_API double rate_factor(const Schedule& schedule, index_t step, index_t steps_per_epoch,
                               index_t epochs);

}  // namespace lamella

#endif  // LAMELLA_SCHEDULE_H_
