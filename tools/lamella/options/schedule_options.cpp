// Options of the schedule. Those not given have the library's defaults, which depend on it.
#include "tools/lamella/options/schedule_options.h"

#include <limits>
#include <string_view>

#include "tools/lamella/io/format.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

constexpr RealRange kFactors{0, 1, false, true};
constexpr index_t kMostCycles = 30;  // CosineLogSchedule

}  // namespace

void ScheduleOptions::add_to(CLI::App& app) {
  add_choice(app, "--schedule", name_,
             {"constant", "step", "exponential", "cosine", "one-cycle", "coslog", "plateau"},
             "Course of the learning rate over the run");
  add_real(app, "--warmup", warmup_, {}, "Epochs at the beginning in which the rate rises from 0");
  add_real(app, "--rate-factor", factor_, kFactors,
           "step, exponential, plateau: what the rate is multiplied by",
           formatted("{}; exponential: {}", StepSchedule{}.factor, ExponentialSchedule{}.factor));
  add_real(app, "--rate-every", every_, {.low_included = false},
           "step: epochs from one step to the next", formatted("{}", StepSchedule{}.every));
  add_real(app, "--final-rate", last_, {0, 1, true, true},
           "cosine, one-cycle, plateau: part of the rate that is left at the end",
           formatted("{}; one-cycle: {}", CosineSchedule{}.last, OneCycleSchedule{}.last));
  add_integer(app, "--cycles", cycles_, 1, kMostCycles,
              formatted("coslog: times that the rate falls to 0 (default: {})",
                        CosineLogSchedule{}.cycles));
  add_integer(app, "--rate-patience", patience_, 0, std::numeric_limits<index_t>::max(),
              formatted("plateau: epochs without an improvement on held-out samples before the "
                        "rate falls (default: {})",
                        PlateauSchedule{}.patience));
}

Schedule ScheduleOptions::schedule(index_t epochs) const {
  if (warmup_ >= static_cast<double>(epochs))
    throw UsageError(
        formatted("--warmup {} is not shorter than the run, --epochs {}", warmup_, epochs));
  return {course(), warmup_};
}

Schedule::Course ScheduleOptions::course() const {
  const auto refuse = [this](bool given, std::string_view option, std::string_view owner) {
    if (given)
      throw UsageError(
          formatted("{} is an option of {}, and --schedule is {}", option, owner, name_));
  };
  const bool is_step = name_ == "step", is_exponential = name_ == "exponential";
  const bool is_cosine = name_ == "cosine", is_one_cycle = name_ == "one-cycle";
  const bool is_cosine_log = name_ == "coslog", is_plateau = name_ == "plateau";
  refuse(factor_ && !is_step && !is_exponential && !is_plateau, "--rate-factor",
         "step, exponential and plateau");
  refuse(every_ && !is_step, "--rate-every", "step");
  refuse(last_ && !is_cosine && !is_one_cycle && !is_plateau, "--final-rate",
         "cosine, one-cycle and plateau");
  refuse(patience_ >= 0 && !is_plateau, "--rate-patience", "plateau");
  refuse(cycles_ > 0 && !is_cosine_log, "--cycles", "coslog");
  if (is_step) {
    StepSchedule step;
    step.factor = factor_.value_or(step.factor);
    step.every = every_.value_or(step.every);
    return step;
  }
  if (is_exponential) return ExponentialSchedule{factor_.value_or(ExponentialSchedule{}.factor)};
  if (is_cosine) return CosineSchedule{last_.value_or(CosineSchedule{}.last)};
  if (is_one_cycle) {
    OneCycleSchedule one_cycle;
    one_cycle.last = last_.value_or(one_cycle.last);
    if (one_cycle.last == 0) throw UsageError("--final-rate of one-cycle must be above 0");
    return one_cycle;
  }
  if (is_cosine_log) {
    CosineLogSchedule coslog;
    if (cycles_ > 0) coslog.cycles = static_cast<int>(cycles_);
    return coslog;
  }
  if (is_plateau) {
    PlateauSchedule plateau;
    plateau.factor = factor_.value_or(plateau.factor);
    if (plateau.factor == 1) throw UsageError("--rate-factor of plateau must be below 1");
    if (patience_ >= 0) plateau.patience = patience_;
    plateau.last = last_.value_or(plateau.last);
    return plateau;
  }
  return ConstantSchedule{};
}

}  // namespace lamella::cli
