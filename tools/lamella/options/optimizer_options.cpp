// Options of the optimiser. Those not given have the library's defaults, which depend on it.
#include "tools/lamella/options/optimizer_options.h"

#include "tools/lamella/io/format.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

constexpr double kLeastEpsilon = 1e-30;  // AdamOptions
constexpr double kAdamWDecay = 0.01;     // without a decay AdamW would be Adam

void refuse(bool given, const char* option, const std::string& optimizer, const char* owner) {
  if (given)
    throw UsageError(
        formatted("{} is an option of {}, and --optimizer is {}", option, owner, optimizer));
}

}  // namespace

void OptimizerOptions::add_to(CLI::App& app) {
  const SgdOptions sgd;
  const AdamOptions adam;
  add_choice(app, "--optimizer", name_, {"sgd", "adam", "adamw"}, "What takes the steps");
  add_real(app, "--learning-rate", learning_rate_, {.low_included = false}, "Length of a step",
           formatted("{}; adam, adamw: {}", sgd.learning_rate, adam.learning_rate));
  add_real(app, "--momentum", momentum_, {0, 1}, "sgd: part of a step that the next keeps",
           formatted("{}", sgd.momentum));
  add_flag(app, "--nesterov", nesterov_, "sgd: momentum that looks ahead");
  add_real(app, "--beta1", beta1_, {0, 1}, "adam, adamw: what the mean gradient keeps in a step",
           formatted("{}", adam.beta1));
  add_real(app, "--beta2", beta2_, {0, 1}, "adam, adamw: what the mean square keeps in a step",
           formatted("{}", adam.beta2));
  add_real(app, "--epsilon", epsilon_, {kLeastEpsilon},
           "adam, adamw: added to the root of the mean square", formatted("{}", adam.epsilon));
  add_real(app, "--weight-decay", weight_decay_, {},
           "Factor of the L2 penalty; adamw: what weights lose in a step, over the learning rate",
           formatted("{}; adamw: {}", sgd.weight_decay, kAdamWDecay));
}

Optimizer OptimizerOptions::optimizer() const {
  if (name_ == "sgd") return sgd();
  return adam();
}

SgdOptions OptimizerOptions::sgd() const {
  constexpr const char* owner = "adam and adamw";
  refuse(beta1_.has_value(), "--beta1", name_, owner);
  refuse(beta2_.has_value(), "--beta2", name_, owner);
  refuse(epsilon_.has_value(), "--epsilon", name_, owner);
  SgdOptions options;
  options.learning_rate = learning_rate_.value_or(options.learning_rate);
  options.momentum = momentum_.value_or(options.momentum);
  options.weight_decay = weight_decay_.value_or(options.weight_decay);
  options.nesterov = nesterov_;
  if (options.nesterov && options.momentum == 0)
    throw UsageError("--nesterov needs a --momentum above 0");
  return options;
}

AdamOptions OptimizerOptions::adam() const {
  refuse(momentum_.has_value(), "--momentum", name_, "sgd");
  refuse(nesterov_, "--nesterov", name_, "sgd");
  AdamOptions options;
  options.decoupled_decay = name_ == "adamw";
  options.learning_rate = learning_rate_.value_or(options.learning_rate);
  options.beta1 = beta1_.value_or(options.beta1);
  options.beta2 = beta2_.value_or(options.beta2);
  options.epsilon = epsilon_.value_or(options.epsilon);
  options.weight_decay =
      weight_decay_.value_or(options.decoupled_decay ? kAdamWDecay : options.weight_decay);
  if (options.decoupled_decay && options.learning_rate * options.weight_decay > 1)
    throw UsageError(formatted(
        "--weight-decay {} times --learning-rate {} is above 1: weights would lose more than all "
        "they have in a step",
        options.weight_decay, options.learning_rate));
  return options;
}

}  // namespace lamella::cli
