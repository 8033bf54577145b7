// `lamella train`'s options of the optimiser: --optimizer and what belongs to each of them.
#ifndef LAMELLA_TOOLS_LAMELLA_OPTIONS_OPTIMIZER_OPTIONS_H_
#define LAMELLA_TOOLS_LAMELLA_OPTIONS_OPTIMIZER_OPTIONS_H_

#include <optional>
#include <string>

#include <lamella/optimizer.h>

namespace CLI {
class App;
}

namespace lamella::cli {

class OptimizerOptions {
 public:
  void add_to(CLI::App& app);
  /// Throws UsageError for an option that the optimiser chosen does not have.
  Optimizer optimizer() const;

 private:
  SgdOptions sgd() const;
  AdamOptions adam() const;

  std::string name_ = "sgd";
  std::optional<double> learning_rate_;
  std::optional<double> momentum_;
  bool nesterov_ = false;
  std::optional<double> beta1_;
  std::optional<double> beta2_;
  std::optional<double> epsilon_;
  std::optional<double> weight_decay_;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_OPTIONS_OPTIMIZER_OPTIONS_H_
