// Options of early stopping and of the weights that are kept.
#include "tools/lamella/options/stopping_options.h"

#include <limits>

#include "tools/lamella/options/options.h"

namespace lamella::cli {

void StoppingOptions::add_to(CLI::App& app) {
  add_integer(app, "--patience", patience_, 1, std::numeric_limits<index_t>::max(),
              "Stop early: after N epochs in a row without an improvement on held-out samples");
  add_real(app, "--min-improvement", min_improvement_, {},
           "By how much an epoch must be better to count as an improvement", "0");
  add_choice(app, "--monitor", monitor_, {"loss", "accuracy"},
             "Figure of the held-out samples that decides (default: loss)");
  add_choice(app, "--keep", keep_, {"last", "best"},
             "Weights of the last epoch, or of the best one (default: best with --patience)");
}

void StoppingOptions::check(bool schedule_decides) const {
  if (min_improvement_ && patience_ == 0)
    throw UsageError("--min-improvement is an option of early stopping, which needs --patience");
  if (!monitor_.empty() && !decides() && !schedule_decides)
    throw UsageError(
        "--monitor: nothing goes by it; --patience, --keep best and --schedule plateau would");
}

Monitor StoppingOptions::monitor() const {
  return monitor_ == "accuracy" ? Monitor::accuracy : Monitor::loss;
}

KeptWeights StoppingOptions::keep() const {
  if (keep_.empty()) return patience_ > 0 ? KeptWeights::best : KeptWeights::last;
  return keep_ == "best" ? KeptWeights::best : KeptWeights::last;
}

}  // namespace lamella::cli
