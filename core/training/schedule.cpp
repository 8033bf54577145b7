// The factors of schedules, and the conditions that their members must satisfy.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>

#include <lamella/error.h>
#include <lamella/schedule.h>

#include "core/base/format.h"

namespace lamella {

using detail::formatted;

namespace {

// Steps behind the warm-up.
struct Position {
  double step = 0;
  double steps = 0;
  double steps_per_epoch = 0;
};

// Called in every step of a training: nothing may be formatted for conditions that are met.
void require(bool is_met, std::string_view type, std::string_view member, double value,
             std::string_view condition) {
  if (!is_met)
    throw ArgumentError(formatted("{}: {} is {}; it must be {}", type, member, value, condition));
}

void require_factor(std::string_view type, std::string_view member, double value) {
  require(value > 0 && value <= 1, type, member, value, "in (0, 1]");
}

void check(const ConstantSchedule&) {}

void check(const StepSchedule& schedule) {
  require_factor("StepSchedule", "factor", schedule.factor);
  require(schedule.every > 0, "StepSchedule", "every", schedule.every,
          "a number of epochs above 0");
}

void check(const ExponentialSchedule& schedule) {
  require_factor("ExponentialSchedule", "factor", schedule.factor);
}

void check(const CosineSchedule& schedule) {
  require(schedule.last >= 0 && schedule.last <= 1, "CosineSchedule", "last", schedule.last,
          "in [0, 1]");
}

void check(const OneCycleSchedule& schedule) {
  require(schedule.rise > 0 && schedule.rise < 1, "OneCycleSchedule", "rise", schedule.rise,
          "in (0, 1)");
  require_factor("OneCycleSchedule", "first", schedule.first);
  require_factor("OneCycleSchedule", "last", schedule.last);
}

void check(const CosineLogSchedule& schedule) {
  require(schedule.cycles >= 1 && schedule.cycles <= 30, "CosineLogSchedule", "cycles",
          schedule.cycles, "from 1 to 30");
}

void check(const PlateauSchedule& schedule) {
  require(schedule.factor > 0 && schedule.factor < 1, "PlateauSchedule", "factor", schedule.factor,
          "in (0, 1)");
  require(schedule.patience >= 0, "PlateauSchedule", "patience",
          static_cast<double>(schedule.patience), "a number of epochs from 0");
  require(schedule.threshold >= 0 && schedule.threshold < 1, "PlateauSchedule", "threshold",
          schedule.threshold, "in [0, 1)");
  require(schedule.cooldown >= 0, "PlateauSchedule", "cooldown",
          static_cast<double>(schedule.cooldown), "a number of epochs from 0");
  require(schedule.last >= 0 && schedule.last <= 1, "PlateauSchedule", "last", schedule.last,
          "in [0, 1]");
}

// From `from` at 0 to `to` at 1, on half a cosine.
double half_cosine(double from, double to, double t) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * t)) / 2;
}

double factor(const ConstantSchedule&, const Position&) { return 1; }

double factor(const StepSchedule& schedule, const Position& at) {
  return std::pow(schedule.factor, std::floor(at.step / at.steps_per_epoch / schedule.every));
}

double factor(const ExponentialSchedule& schedule, const Position& at) {
  return std::pow(schedule.factor, at.step / at.steps_per_epoch);
}

double factor(const CosineSchedule& schedule, const Position& at) {
  return half_cosine(1, schedule.last, at.step / at.steps);
}

double factor(const OneCycleSchedule& schedule, const Position& at) {
  const double top = schedule.rise * at.steps - 1, end = at.steps - 1;
  if (top > 0 && at.step <= top) return half_cosine(schedule.first, 1, at.step / top);
  return half_cosine(1, schedule.last, std::min(1.0, (at.step - top) / (end - top)));
}

double factor(const CosineLogSchedule& schedule, const Position& at) {
  const double t = (at.step + 1) / (at.steps + 1);
  const double cycle = std::log2(1 + (std::exp2(schedule.cycles) - 1) * t);
  return (1 - std::cos(2 * std::numbers::pi * cycle)) / 2;
}

double factor(const PlateauSchedule&, const Position&) { return 1; }

}  // namespace

void after_epoch(const PlateauSchedule& schedule, PlateauState& state, Monitor monitor,
                 double figure) {
  check(schedule);
  const double margin = state.best ? schedule.threshold * *state.best : 0;
  const bool is_improvement =
      state.best ? is_better(monitor, figure, *state.best, margin) : std::isfinite(figure);
  if (is_improvement) {
    state.best = figure;
    state.epochs_without_improvement = 0;
  } else {
    ++state.epochs_without_improvement;
  }
  if (state.cooldown > 0) {
    --state.cooldown;
    state.epochs_without_improvement = 0;
  }
  if (state.epochs_without_improvement <= schedule.patience) return;
  state.factor = std::max(state.factor * schedule.factor, schedule.last);
  state.cooldown = schedule.cooldown;
  state.epochs_without_improvement = 0;
}

double rate_factor(const Schedule& schedule, index_t step, index_t steps_per_epoch,
                   index_t epochs) {
  std::visit([](const auto& course) { check(course); }, schedule.course);
  const auto per_epoch = static_cast<double>(steps_per_epoch);
  const double steps = per_epoch * static_cast<double>(epochs);
  if (!(schedule.warmup >= 0 && schedule.warmup < static_cast<double>(epochs)))
    throw ArgumentError(formatted(
        "Schedule: warmup is {}; it must be a number of epochs from 0 to below that of the run, {}",
        schedule.warmup, epochs));
  const auto number = static_cast<double>(step);
  if (steps_per_epoch < 1 || step < 0 || number >= steps)
    throw ArgumentError(
        formatted("rate_factor: step {} is not one of {} epochs of {} steps, which count from 0",
                  step, epochs, steps_per_epoch));
  const double warmup = std::floor(schedule.warmup * per_epoch);
  if (number < warmup) return (number + 1) / warmup;
  const Position at{number - warmup, steps - warmup, per_epoch};
  const double result =
      std::visit([&](const auto& course) { return factor(course, at); }, schedule.course);
  // Powers underflow, and the cosine of a whole number of cycles is 1 after rounding.
  return std::max(result, std::numeric_limits<double>::min());
}

}  // namespace lamella
