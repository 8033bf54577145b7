// What a run decides on its validation data: when it ends, and which weights it keeps.
//
// Not here: the loop that asks (trainer.h).
#ifndef LAMELLA_EARLY_STOPPING_H_
#define LAMELLA_EARLY_STOPPING_H_

#include <lamella/epoch_report.h>
#include <lamella/export.h>
#include <lamella/view.h>

namespace lamella {

/// The figure of the validation data that a run goes by.
enum class Monitor {
  loss,     ///< mean negative log-likelihood; the lower, the better
  accuracy  ///< the higher, the better
};

/// Ends a run whose monitored figure improves no more (Prechelt, "Early stopping - but when?",
/// 1998).
struct EarlyStopping {
  /// The run ends after this many epochs in a row without an improvement; 0: it never ends early.
  index_t patience = 0;
  /// An epoch counts as an improvement if it is better than the best one before it by more than
  /// this; finite, >= 0.
  double min_improvement = 0;

  friend bool operator==(const EarlyStopping&, const EarlyStopping&) = default;
};

/// The weights that a network has after its training.
enum class KeptWeights {
  last,
  best  ///< those of the epoch with the best monitored figure, the first of equals
};

/// The monitored figure of an epoch. Throws ArgumentError if it had no validation data.
LAMELLA_API double monitored(const EpochReport& report, Monitor monitor);

/// Whether `value` is better than `other` by more than `margin`. A figure that is not finite is
/// better than none.
LAMELLA_API bool is_better(Monitor monitor, double value, double other, double margin = 0);

}  // namespace lamella

#endif  // LAMELLA_EARLY_STOPPING_H_
