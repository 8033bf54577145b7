// `lamella train`'s options of the average of weights: --average and what belongs to it.
#ifndef LAMELLA_TOOLS_LAMELLA_OPTIONS_AVERAGING_OPTIONS_H_
#define LAMELLA_TOOLS_LAMELLA_OPTIONS_AVERAGING_OPTIONS_H_

#include <optional>
#include <string>

#include <lamella/view.h>
#include <lamella/weight_average.h>

namespace CLI {
class App;
}

namespace lamella::cli {

class AveragingOptions {
 public:
  void add_to(CLI::App& app);
  /// Empty if nothing is averaged. Throws UsageError for an option that the average chosen does not
  /// have, and if it would begin after the `epochs` of the run.
  std::optional<Averaging> averaging(index_t epochs) const;

 private:
  std::string name_ = "none";
  std::optional<double> decay_;
  index_t first_epoch_ = 0;  // 0: not given
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_OPTIONS_AVERAGING_OPTIONS_H_
