// `lamella train`'s options of the loss: --label-smoothing, --class-weights and --sample-weights.
#ifndef LAMELLA_TOOLS_LAMELLA_OPTIONS_LOSS_OPTIONS_H_
#define LAMELLA_TOOLS_LAMELLA_OPTIONS_LOSS_OPTIONS_H_

#include <filesystem>
#include <string>
#include <vector>

#include <lamella/dataset.h>
#include <lamella/loss.h>

namespace CLI {
class App;
}

namespace lamella::cli {

class LossOptions {
 public:
  void add_to(CLI::App& app);

  const Loss& loss() const { return loss_; }
  /// What --class-weights says for the classes of `training_data`; empty without it. Throws
  /// UsageError for a name that is no class of theirs, or a text of another form.
  std::vector<double> class_weights(const Dataset& training_data) const;
  /// The .npy file with a weight for each training sample; empty if there is none.
  const std::filesystem::path& sample_weights() const { return sample_weights_; }

 private:
  Loss loss_;
  std::string class_weights_;
  std::filesystem::path sample_weights_;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_OPTIONS_LOSS_OPTIONS_H_
