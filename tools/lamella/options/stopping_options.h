// `lamella train`'s options of what is decided on held-out samples: --patience, --keep and what
// belongs to them.
#ifndef LAMELLA_TOOLS_LAMELLA_OPTIONS_STOPPING_OPTIONS_H_
#define LAMELLA_TOOLS_LAMELLA_OPTIONS_STOPPING_OPTIONS_H_

#include <optional>
#include <string>

#include <lamella/early_stopping.h>
#include <lamella/view.h>

namespace CLI {
class App;
}

namespace lamella::cli {

class StoppingOptions {
 public:
  void add_to(CLI::App& app);

  /// Whether something is decided on held-out samples.
  bool decides() const { return patience_ > 0 || keep() == KeptWeights::best; }
  /// Throws UsageError for an option of early stopping without it, or a monitored figure that
  /// decides nothing; `schedule_decides` says that the schedule goes by it.
  void check(bool schedule_decides) const;

  Monitor monitor() const;
  EarlyStopping early_stopping() const { return {patience_, min_improvement_.value_or(0)}; }
  KeptWeights keep() const;

 private:
  index_t patience_ = 0;
  std::optional<double> min_improvement_;
  std::string monitor_;  // empty: not given
  std::string keep_;     // empty: not given
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_OPTIONS_STOPPING_OPTIONS_H_
