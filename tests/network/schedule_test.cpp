// Schedules of the learning rate: PyTorch's factors, those of the paper where PyTorch has none, and
// what training makes of them.
#include <cmath>
#include <limits>
#include <numbers>
#include <span>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/schedule.h>
#include <lamella/trainer.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/network/reference/schedules.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

// The run of schedules.py.
constexpr index_t kStepsPerEpoch = 5;
constexpr index_t kEpochs = 4;

void check_rates(const Schedule& schedule, std::span<const double> expected) {
  REQUIRE(std::ssize(expected) == kStepsPerEpoch * kEpochs);
  for (index_t s = 0; s < std::ssize(expected); ++s) {
    INFO("step " << s);
    const double rate = rate_factor(schedule, s, kStepsPerEpoch, kEpochs);
    CHECK(std::abs(rate - expected[static_cast<std::size_t>(s)]) <= 1e-12);
  }
}

TEST_CASE("schedules are PyTorch's", "[schedule]") {
  SECTION("step") { check_rates({StepSchedule{0.3, 2}}, k_step_0); }
  SECTION("step, warm-up") { check_rates({StepSchedule{0.3, 2}, 1}, k_step_1); }
  SECTION("exponential") { check_rates({ExponentialSchedule{0.7}}, k_exponential_0); }
  SECTION("exponential, warm-up") { check_rates({ExponentialSchedule{0.7}, 1}, k_exponential_1); }
  SECTION("cosine") { check_rates({CosineSchedule{0.1}}, k_cosine_0); }
  SECTION("cosine, warm-up") { check_rates({CosineSchedule{0.1}, 1}, k_cosine_1); }
  SECTION("one cycle") { check_rates({OneCycleSchedule{0.4, 0.04, 0.01}}, k_one_cycle_0); }
}

TEST_CASE("the rate falls on plateaus as PyTorch's does", "[schedule]") {
  const auto check_course = [](Monitor monitor, index_t cooldown,
                               std::span<const double> expected) {
    const PlateauSchedule schedule{0.5, 1, 0.01, cooldown, 0.1};
    PlateauState state;
    REQUIRE(expected.size() == std::size(k_plateau_figures));
    for (std::size_t e = 0; e < expected.size(); ++e) {
      INFO("epoch " << e << ", cooldown " << cooldown);
      after_epoch(schedule, state, monitor, k_plateau_figures[e]);
      CHECK(state.factor == Approx(expected[e]).epsilon(1e-12));
    }
    CHECK(state.factor < 1);
  };
  check_course(Monitor::loss, 0, k_plateau_min_0);
  check_course(Monitor::loss, 2, k_plateau_min_2);
  check_course(Monitor::accuracy, 0, k_plateau_max_0);
  check_course(Monitor::accuracy, 2, k_plateau_max_2);
}

TEST_CASE("the cosine of a logarithm falls to zero between its cycles", "[schedule]") {
  const Schedule schedule{CosineLogSchedule{4}};
  constexpr index_t kSteps = 1500;
  // Cycle c ends where 1 + 15 t is 2^c: at t = 1/15, 3/15, 7/15 and 1.
  for (const index_t parts : {1, 3, 7}) {
    const index_t end = kSteps * parts / 15;
    CHECK(rate_factor(schedule, end - 1, kSteps / 5, 5) < 0.01);
  }
  // The top of cycle c is where 1 + 15 t is 2^(c - 1/2).
  for (const double cycle : {0.5, 1.5, 2.5, 3.5}) {
    const auto top = static_cast<index_t>((std::exp2(cycle) - 1) / 15 * kSteps);
    CHECK(rate_factor(schedule, top, kSteps / 5, 5) > 0.99);
  }
  for (index_t s = 0; s < kSteps; ++s) {
    const double rate = rate_factor(schedule, s, kSteps / 5, 5);
    if (!(rate > 0 && rate <= 1)) FAIL("the factor of step " << s << " is " << rate);
  }
}

TEST_CASE("every schedule has a factor in (0, 1] for runs of any length", "[schedule]") {
  for (const Schedule::Course& course :
       {Schedule::Course(ConstantSchedule{}), Schedule::Course(StepSchedule{1e-300, 0.1}),
        Schedule::Course(ExponentialSchedule{1e-300}), Schedule::Course(CosineSchedule{}),
        Schedule::Course(OneCycleSchedule{}), Schedule::Course(OneCycleSchedule{0.5, 0.1, 0.1}),
        Schedule::Course(CosineLogSchedule{30})})
    for (const auto& [per_epoch, epochs] :
         {std::pair<index_t, index_t>{1, 1}, {2, 1}, {1, 2}, {3, 1}, {7, 3}})
      for (const double warmup : {0.0, 0.3, 0.99})
        for (index_t s = 0; s < per_epoch * epochs; ++s) {
          const double rate = rate_factor({course, warmup}, s, per_epoch, epochs);
          INFO("course " << course.index() << ", step " << s << " of " << per_epoch * epochs);
          CHECK(rate > 0);
          CHECK(rate <= 1);
        }
}

TEST_CASE("schedules refuse what makes no sense", "[schedule]") {
  const auto refused = [](const Schedule& schedule, const std::string& what) {
    CHECK_THROWS_MATCHES(rate_factor(schedule, 0, 10, 5), ArgumentError,
                         Catch::Matchers::Message(what));
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  refused({StepSchedule{0, 1}}, "StepSchedule: factor is 0; it must be in (0, 1]");
  refused({StepSchedule{0.5, 0}},
          "StepSchedule: every is 0; it must be a number of epochs above 0");
  refused({ExponentialSchedule{1.5}}, "ExponentialSchedule: factor is 1.5; it must be in (0, 1]");
  refused({CosineSchedule{nan}}, "CosineSchedule: last is nan; it must be in [0, 1]");
  refused({OneCycleSchedule{1}}, "OneCycleSchedule: rise is 1; it must be in (0, 1)");
  refused({OneCycleSchedule{0.3, 0}}, "OneCycleSchedule: first is 0; it must be in (0, 1]");
  refused({OneCycleSchedule{0.3, 0.1, -1}}, "OneCycleSchedule: last is -1; it must be in (0, 1]");
  refused({CosineLogSchedule{0}}, "CosineLogSchedule: cycles is 0; it must be from 1 to 30");
  refused(
      {{}, 5},
      "Schedule: warmup is 5; it must be a number of epochs from 0 to below that of the run, 5");
  CHECK_THROWS_AS(rate_factor({}, 50, 10, 5), ArgumentError);
  CHECK_THROWS_AS(rate_factor({}, -1, 10, 5), ArgumentError);
}

TEMPLATE_TEST_CASE("training takes each step at the rate of the schedule", "[schedule][trainer]",
                   float, double) {
  using T = TestType;
  const Dataset data = make_moons(50, 0.1, 1);
  const NetworkSpec spec{2, {8}, 2, {ActivationKind::tanh}};
  const Schedule schedule{CosineSchedule{0.05}, 0.5};
  for (const auto& backend : test_backends())
    for (const Optimizer& optimizer :
         {Optimizer(SgdOptions{0.3, 0, 0.01}), Optimizer(SgdOptions{0.1, 0.9}),
          Optimizer(AdamOptions{.weight_decay = 0.1, .decoupled_decay = true})}) {
      INFO(backend->info().name << ", optimiser " << optimizer.index());
      Network<T> trained(spec, backend, 1);
      TrainOptions options;
      options.epochs = 3;
      options.batch_size = 16;  // 4 steps, the last of 2 samples
      options.shuffle = false;
      options.optimizer = optimizer;
      options.schedule = schedule;
      const auto reports = train(trained, data, nullptr, {}, options);

      Network<T> expected(spec, backend, 1);
      double rate = 0;
      for (index_t step = 0; step < 12; ++step) {
        std::vector<std::int32_t> samples;
        for (index_t s = step % 4 * 16; s < std::min<index_t>(50, step % 4 * 16 + 16); ++s)
          samples.push_back(static_cast<std::int32_t>(s));
        const auto n = std::ssize(samples);
        data.gather(samples, {}, expected.batch_input(n));
        std::vector<std::int32_t> labels;
        for (const std::int32_t s : samples)
          labels.push_back(data.labels()[static_cast<std::size_t>(s)]);
        rate = learning_rate(optimizer) * rate_factor(schedule, step, 4, 3);
        expected.train_batch(labels, {}, with_learning_rate(optimizer, rate));
      }
      CHECK(parameters_of(trained) == parameters_of(expected));
      CHECK(reports.back().learning_rate == rate);
    }
}

TEST_CASE("a continued training goes on in its schedule", "[schedule][trainer]") {
  const Dataset data = make_moons(50, 0.1, 1);
  const NetworkSpec spec{2, {8}, 2, {ActivationKind::tanh}};
  TrainOptions options;
  options.batch_size = 16;
  options.schedule = {OneCycleSchedule{}, 1};
  options.epochs = 6;
  Network<double> whole(spec, test_backends().front(), 1);
  train(whole, data, nullptr, {}, options);

  // Stopped by its caller after three epochs of six.
  struct Stop {};
  Network<double> parts(spec, test_backends().front(), 1);
  TrainCallbacks callbacks;
  callbacks.on_epoch = [](const EpochReport& report) {
    if (report.epoch == 3) throw Stop{};
  };
  CHECK_THROWS_AS(train(parts, data, nullptr, {}, options, callbacks), Stop);
  CHECK(parameters_of(parts) != parameters_of(whole));
  options.first_epoch = 4;
  train(parts, data, nullptr, {}, options);
  CHECK(parameters_of(parts) == parameters_of(whole));
}

}  // namespace
}  // namespace lamella::test
