// What a run decides on its validation data: when it ends, and which weights it keeps.
#include <cmath>
#include <limits>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/metrics.h>
#include <lamella/trainer.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::Message;

const NetworkSpec kSpec{2, {8}, 2, {ActivationKind::tanh}};

// At this rate the validation loss rises now and then.
TrainOptions options() {
  TrainOptions o;
  o.epochs = 40;
  o.batch_size = 16;
  o.optimizer = SgdOptions{.learning_rate = 4};
  o.seed = 3;
  return o;
}

// The parameters of what is measured, after each epoch of a run without early stopping.
template <class T>
std::vector<std::vector<T>> course(const std::shared_ptr<const Backend>& backend,
                                   const TrainData& data, const std::optional<Averaging>& averaging,
                                   std::vector<EpochReport>& reports) {
  Network<T> network(kSpec, backend, 1);
  RunState<T> state;
  if (averaging) state.average.emplace(network, backend, *averaging);
  std::vector<std::vector<T>> weights;
  TrainCallbacks callbacks;
  callbacks.on_epoch = [&](const EpochReport&) {
    weights.push_back(parameters_of(state.measured(network)));
  };
  reports = train(network, state, data, {}, options(), callbacks);
  return weights;
}

// Where scikit-learn's rule ends a run: tol is min_improvement, n_iter_no_change the patience.
struct Expected {
  index_t best = 0;
  index_t last = 0;
};
Expected expected(const std::vector<EpochReport>& reports, const TrainOptions& o) {
  double best = std::numeric_limits<double>::infinity();  // the lower, the better
  index_t waited = 0;
  Expected result;
  for (const EpochReport& report : reports) {
    const double value =
        o.monitor == Monitor::loss ? *report.validation_loss : -*report.validation_accuracy;
    waited = value < best - o.early_stopping.min_improvement ? 0 : waited + 1;
    if (value < best) {
      best = value;
      result.best = report.epoch;
    }
    result.last = report.epoch;
    if (o.early_stopping.patience > 0 && waited >= o.early_stopping.patience) break;
  }
  return result;
}

TEMPLATE_TEST_CASE("a run ends early, and keeps the weights it is told to", "[early-stopping]",
                   float, double) {
  using T = TestType;
  const Dataset training = make_moons(60, 0.2, 1), validation = make_moons(50, 0.2, 2);
  const TrainData data{training, &validation};
  bool some_ended_early = false, best_was_not_last = false;
  for (const auto& backend : test_backends())
    for (const auto& averaging :
         {std::optional<Averaging>(), std::optional<Averaging>(ExponentialAverage{0.8, 1}),
          std::optional<Averaging>(EpochAverage{5})}) {
      std::vector<EpochReport> all;
      const auto weights = course<T>(backend, data, averaging, all);
      REQUIRE(all.size() == 40);
      for (const Monitor monitor : {Monitor::loss, Monitor::accuracy})
        for (const EarlyStopping stopping :
             {EarlyStopping{}, EarlyStopping{3, 0}, EarlyStopping{2, 0.05}})
          for (const KeptWeights keep : {KeptWeights::last, KeptWeights::best}) {
            INFO(backend->info().name << ", monitor " << static_cast<int>(monitor) << ", patience "
                                      << stopping.patience << ", keep " << static_cast<int>(keep));
            TrainOptions o = options();
            o.monitor = monitor;
            o.early_stopping = stopping;
            o.keep = keep;
            Network<T> network(kSpec, backend, 1);
            RunState<T> state;
            if (averaging) state.average.emplace(network, backend, *averaging);
            const auto reports = train(network, state, data, {}, o);
            const Expected wanted = expected(all, o);
            CHECK(std::ssize(reports) == wanted.last);
            CHECK(state.best.epoch == wanted.best);
            CHECK(reports.back().best_epoch == wanted.best);
            CHECK(state.last.epoch == wanted.last);
            CHECK(has_stopped_early(state, o) ==
                  (stopping.patience > 0 && state.epochs_without_improvement == stopping.patience));
            const index_t kept = keep == KeptWeights::best ? wanted.best : wanted.last;
            CHECK(parameters_of(state.measured(network)) ==
                  weights[static_cast<std::size_t>(kept) - 1]);
            some_ended_early = some_ended_early || wanted.last < 40;
            best_was_not_last = best_was_not_last || wanted.best < wanted.last;
          }
    }
  CHECK(some_ended_early);
  CHECK(best_was_not_last);
}

TEST_CASE("validation data change nothing of the training", "[early-stopping]") {
  const Dataset training = make_moons(60, 0.2, 1), other = make_moons(50, 0.2, 2);
  for (const auto& backend : test_backends()) {
    Network<float> plain(kSpec, backend, 1), watched(kSpec, backend, 1);
    const auto reports = train(plain, training, &other, {}, options());
    RunState<float> state;
    const auto with = train(watched, state, {training, &other, &other}, {}, options());
    CHECK(parameters_of(plain) == parameters_of(watched));
    CHECK(with.back().validation_loss == reports.back().test_loss);
    CHECK(with.back().test_loss == reports.back().test_loss);
    CHECK(with.back().validation_accuracy == reports.back().test_accuracy);
    CHECK(!reports.back().validation_loss);
    CHECK(reports.back().best_epoch == 0);
  }
}

TEST_CASE("figures that are not finite are never better", "[early-stopping]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Monitor monitor : {Monitor::loss, Monitor::accuracy})
    for (const double value : {nan, infinity, -infinity}) CHECK(!is_better(monitor, value, 0.5));
  CHECK(is_better(Monitor::loss, 0.4, 0.5));
  CHECK(!is_better(Monitor::loss, 0.5, 0.5));
  CHECK(!is_better(Monitor::loss, 0.4, 0.5, 0.2));
  CHECK(is_better(Monitor::accuracy, 0.6, 0.5));
  CHECK(!is_better(Monitor::accuracy, 0.6, 0.5, 0.2));
}

TEST_CASE("decisions without data to make them on, and numbers out of range, are refused",
          "[early-stopping]") {
  const Dataset training = make_moons(60, 0.2, 1), validation = make_moons(50, 0.2, 2);
  const auto& backend = test_backends().front();
  const auto refused = [&](const Dataset* given, auto change, const std::string& what) {
    TrainOptions o = options();
    change(o);
    Network<float> network(kSpec, backend, 1);
    RunState<float> state;
    CHECK_THROWS_MATCHES(train(network, state, {training, given}, {}, o), ArgumentError,
                         Message(what));
  };
  const std::string none =
      "train: early stopping, the best weights and a plateau go by validation data, and there are "
      "none";
  refused(
      nullptr, [](TrainOptions& o) { o.early_stopping.patience = 1; }, none);
  refused(
      nullptr, [](TrainOptions& o) { o.keep = KeptWeights::best; }, none);
  refused(
      &validation, [](TrainOptions& o) { o.early_stopping.patience = -1; },
      "train: patience is -1; it must not be negative");
  refused(
      &validation, [](TrainOptions& o) { o.early_stopping.min_improvement = -0.5; },
      "train: min_improvement is -0.5; it must be finite and not negative");
  refused(
      &validation, [](TrainOptions& o) { o.first_epoch = 2; },
      "train: first_epoch is 2; it must be 1, because the state says where to begin");
  refused(
      nullptr, [](TrainOptions& o) { o.schedule.course = PlateauSchedule{}; }, none);
  const Dataset wide(std::vector<float>(6), {3}, {0, 1});
  refused(
      &wide, [](TrainOptions&) {},
      "train: the validation data have 3 features but the network has 2 inputs");
  CHECK_THROWS_MATCHES(monitored({}, Monitor::loss), ArgumentError,
                       Message("monitored: the epoch has no figures of validation data"));
}

// A run that is stopped after any mini-batch goes on from its state to the same bits.
TEMPLATE_TEST_CASE("a run goes on from where a callback left it", "[early-stopping]", float,
                   double) {
  using T = TestType;
  struct Stop {};
  const Dataset training = make_moons(60, 0.2, 1), validation = make_moons(50, 0.2, 2);
  const TrainData data{training, &validation};
  const auto& backend = test_backends().front();
  TrainOptions o = options();
  o.epochs = 6;
  o.optimizer = AdamOptions{.learning_rate = 0.3};
  o.dropout = 0.2;
  o.augmentation.noise = 0.1;
  o.early_stopping.patience = 3;
  o.keep = KeptWeights::best;
  for (const Averaging& averaging :
       {Averaging(ExponentialAverage{0.8, 3}), Averaging(EpochAverage{2})}) {
    Network<T> whole(kSpec, backend, 1);
    RunState<T> of_whole;
    of_whole.average.emplace(whole, backend, averaging);
    const auto reports = train(whole, of_whole, data, {}, o);
    for (int stop = 1; stop <= 30; ++stop) {
      INFO("stopped at callback " << stop);
      Network<T> parts(kSpec, backend, 1);
      RunState<T> state;
      state.average.emplace(parts, backend, averaging);
      int calls = 0;
      TrainCallbacks callbacks;
      callbacks.on_progress = [&](const Progress&) {
        if (++calls == stop) throw Stop();
      };
      callbacks.on_epoch = [&](const EpochReport&) {
        if (++calls == stop) throw Stop();
      };
      try {
        train(parts, state, data, {}, o, callbacks);
        break;  // the run has fewer callbacks
      } catch (const Stop&) {
      }
      train(parts, state, data, {}, o);
      CHECK(parameters_of(state.measured(parts)) == parameters_of(of_whole.measured(whole)));
      CHECK(state.last.train_loss == reports.back().train_loss);
      CHECK(state.last.train_accuracy == reports.back().train_accuracy);
      CHECK(state.last.validation_loss == reports.back().validation_loss);
      CHECK(state.best.epoch == of_whole.best.epoch);
    }
  }
}

TEST_CASE("a state that the options cannot have left is refused", "[early-stopping]") {
  const Dataset training = make_moons(60, 0.2, 1);
  Network<float> network(kSpec, test_backends().front(), 1);
  RunState<float> state;
  state.samples_done = 17;
  CHECK_THROWS_MATCHES(
      train(network, state, {training}, {}, options()), ArgumentError,
      Message("train: the state is that of epoch 1 after 17 samples, where no mini-batch of 16 "
              "ends"));
}

}  // namespace
}  // namespace lamella::test
