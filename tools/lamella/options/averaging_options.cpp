// Options of the average of weights.
#include "tools/lamella/options/averaging_options.h"

#include <algorithm>
#include <limits>

#include "tools/lamella/io/format.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {

void AveragingOptions::add_to(CLI::App& app) {
  add_choice(app, "--average", name_, {"none", "ema", "swa"},
             "Keep the average of the weights: of all steps, or of epochs");
  add_real(app, "--average-decay", decay_, {0, 1}, "ema: part of the average that a step keeps",
           formatted("{}", ExponentialAverage{}.decay));
  add_integer(app, "--average-from", first_epoch_, 1, std::numeric_limits<index_t>::max(),
              "swa: first epoch to average (default: the last quarter's)");
}

std::optional<Averaging> AveragingOptions::averaging(index_t epochs) const {
  if (decay_ && name_ != "ema")
    throw UsageError(formatted("--average-decay is an option of ema, and --average is {}", name_));
  if (first_epoch_ > 0 && name_ != "swa")
    throw UsageError(formatted("--average-from is an option of swa, and --average is {}", name_));
  if (first_epoch_ > epochs)
    throw UsageError(
        formatted("--average-from {} is after the last epoch, {}: nothing would be "
                  "averaged",
                  first_epoch_, epochs));
  if (name_ == "ema") {
    ExponentialAverage moving;
    moving.decay = decay_.value_or(moving.decay);
    return moving;
  }
  if (name_ == "swa") {
    const index_t last_quarter = epochs - std::max<index_t>(epochs / 4, 1) + 1;
    return EpochAverage{first_epoch_ > 0 ? first_epoch_ : last_quarter};
  }
  return std::nullopt;
}

}  // namespace lamella::cli
