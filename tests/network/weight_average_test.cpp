// Averages of weights: what they are, which network they are evaluated on, and that a training
// goes on with them.
#include <cmath>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/metrics.h>
#include <lamella/trainer.h>
#include <lamella/weight_average.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::Message;

const NetworkSpec kSpec{2, {8, 5}, 2, {ActivationKind::tanh}};

TrainOptions options(index_t epochs = 3) {
  TrainOptions o;
  o.epochs = epochs;
  o.batch_size = 16;  // 4 steps an epoch
  o.optimizer = SgdOptions{.learning_rate = 0.3, .momentum = 0.5};
  return o;
}

// The weights after each step of a training.
template <class T>
std::vector<std::vector<T>> course(const std::shared_ptr<const Backend>& backend,
                                   const Dataset& data, const TrainOptions& o) {
  Network<T> network(kSpec, backend, 1);
  std::vector<std::vector<T>> weights;
  TrainCallbacks callbacks;
  callbacks.on_progress = [&](const Progress&) { weights.push_back(parameters_of(network)); };
  train(network, data, nullptr, {}, o, callbacks);
  return weights;
}

template <class T>
void check_close(const std::vector<T>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  double largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(got[i]) - expected[i]));
  CHECK(largest <= (std::is_same_v<T, float> ? 1e-6 : 1e-14));
}

TEMPLATE_TEST_CASE("an exponential average follows the steps", "[average]", float, double) {
  using T = TestType;
  const Dataset data = make_moons(50, 0.1, 1);
  for (const auto& backend : test_backends())
    for (const index_t every : {1, 3}) {
      INFO(backend->info().name << ", every " << every);
      const auto weights = course<T>(backend, data, options());
      REQUIRE(weights.size() == 12);
      const double kept = std::pow(0.8, every);
      std::vector<double> expected;
      for (index_t step = every; step <= 12; step += every) {
        const std::vector<T>& w = weights[static_cast<std::size_t>(step) - 1];
        if (expected.empty()) expected.assign(w.begin(), w.end());
        for (std::size_t i = 0; i < w.size(); ++i)
          expected[i] = kept * expected[i] + (1 - kept) * static_cast<double>(w[i]);
      }
      Network<T> network(kSpec, backend, 1);
      WeightAverage<T> average(network, backend, ExponentialAverage{0.8, every});
      CHECK(!average.has_begun());
      CHECK(parameters_of(average.network()) == parameters_of(network));
      train(network, data, nullptr, {}, options(), {}, &average);
      CHECK(average.has_begun());
      check_close(parameters_of(average.network()), expected);
      CHECK(parameters_of(network) == weights.back());  // the training itself is the same
    }
}

TEMPLATE_TEST_CASE("an average of epochs is the mean of their weights", "[average]", float,
                   double) {
  using T = TestType;
  const Dataset data = make_moons(50, 0.1, 1);
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const auto weights = course<T>(backend, data, options(5));
    std::vector<double> expected(weights.front().size());
    for (const std::size_t last_step : {11U, 15U, 19U})  // of epochs 3, 4 and 5
      for (std::size_t i = 0; i < expected.size(); ++i)
        expected[i] += static_cast<double>(weights[last_step][i]) / 3;
    Network<T> network(kSpec, backend, 1);
    WeightAverage<T> average(network, backend, EpochAverage{3});
    TrainCallbacks callbacks;
    callbacks.on_epoch = [&](const EpochReport& report) {
      CHECK(average.has_begun() == (report.epoch >= 3));
    };
    train(network, data, nullptr, {}, options(5), callbacks, &average);
    check_close(parameters_of(average.network()), expected);
  }
}

TEST_CASE("test figures are those of the average, once it has begun", "[average]") {
  const Dataset data = make_moons(50, 0.1, 1), test = make_moons(80, 0.1, 2);
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network(kSpec, backend, 1);
    WeightAverage<double> average(network, backend, EpochAverage{2});
    TrainCallbacks callbacks;
    callbacks.on_epoch = [&](const EpochReport& report) {
      const Network<double>& measured = report.epoch < 2 ? network : average.network();
      CHECK(*report.test_loss == Approx(evaluate(measured, test, {}).log_loss).epsilon(1e-12));
    };
    const auto reports = train(network, data, &test, {}, options(), callbacks, &average);
    CHECK(*reports.back().test_loss != Approx(evaluate(network, test, {}).log_loss).epsilon(1e-6));
  }
}

TEST_CASE("a continued training goes on with its average; a new one begins again", "[average]") {
  const Dataset data = make_moons(50, 0.1, 1);
  const auto& backend = test_backends().front();
  for (const Averaging& averaging :
       {Averaging(ExponentialAverage{0.7, 3}), Averaging(EpochAverage{2})}) {
    INFO("kind " << averaging.index());
    Network<double> whole(kSpec, backend, 1), parts(kSpec, backend, 1);
    WeightAverage<double> of_whole(whole, backend, averaging), of_parts(parts, backend, averaging);
    train(whole, data, nullptr, {}, options(5), {}, &of_whole);
    train(parts, data, nullptr, {}, options(3), {}, &of_parts);
    TrainOptions rest = options(5);
    rest.first_epoch = 4;
    train(parts, data, nullptr, {}, rest, {}, &of_parts);
    CHECK(parameters_of(of_parts.network()) == parameters_of(of_whole.network()));

    Network<double> again(kSpec, backend, 1);
    train(again, data, nullptr, {}, options(5), {}, &of_parts);
    CHECK(parameters_of(of_parts.network()) == parameters_of(of_whole.network()));
  }
}

TEST_CASE("averages refuse what makes no sense", "[average]") {
  const auto& backend = test_backends().front();
  const Network<float> network(kSpec, backend, 1);
  const auto refused = [&](const Averaging& averaging, const std::string& what) {
    CHECK_THROWS_MATCHES(WeightAverage<float>(network, backend, averaging), ArgumentError,
                         Message(what));
  };
  refused(ExponentialAverage{1, 1}, "ExponentialAverage: decay is 1; it must be in [0, 1)");
  refused(ExponentialAverage{-0.1, 1}, "ExponentialAverage: decay is -0.1; it must be in [0, 1)");
  refused(ExponentialAverage{0.5, 0}, "ExponentialAverage: every is 0; it must be at least 1");
  refused(EpochAverage{0}, "EpochAverage: first_epoch is 0; epochs count from 1");
  WeightAverage<float> average(network, backend, EpochAverage{});
  const Network<float> other({2, {8}, 2, {ActivationKind::tanh}}, backend, 1);
  CHECK_THROWS_MATCHES(
      average.after_epoch(other, 1), ArgumentError,
      Message("WeightAverage: the network has another specification than the first one"));
}

}  // namespace
}  // namespace lamella::test
