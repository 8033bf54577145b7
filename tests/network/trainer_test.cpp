// The training loop: what it trains on, in which order, what it reports, and when it stops.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/metrics.h>
#include <lamella/trainer.h>

#include "core/base/random.h"
#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

// Random points labelled by the side of a line that they are on: easy, and not the same everywhere.
Dataset half_planes(index_t samples, std::uint64_t seed) {
  Uniform uniform(seed);
  std::vector<double> values;
  std::vector<std::int32_t> labels;
  for (index_t s = 0; s < samples; ++s) {
    values.push_back(uniform());
    values.push_back(uniform());
    labels.push_back(values[values.size() - 2] + 0.5 * values.back() > 0.1 ? 1 : 0);
  }
  return Dataset(values, {2}, labels, {"below", "above"});
}

TrainOptions options(index_t epochs, index_t batch_size, double learning_rate,
                     double momentum = 0) {
  TrainOptions o;
  o.epochs = epochs;
  o.batch_size = batch_size;
  o.optimizer = SgdOptions{.learning_rate = learning_rate, .momentum = momentum};
  return o;
}

const NetworkSpec kSpec{2, {8}, 2, {ActivationKind::tanh}};

TEMPLATE_TEST_CASE("a small network learns two moons", "[trainer]", float, double) {
  using T = TestType;
  const Dataset moons = make_moons(200, 0.1, 1);
  const Dataset test = make_moons(200, 0.1, 2);
  for (const auto& backend : test_backends())
    for (const ActivationKind kind :
         {ActivationKind::relu, ActivationKind::leaky_relu, ActivationKind::tanh}) {
      INFO(backend->info().name << ", activation " << static_cast<int>(kind));
      Network<T> network({2, {10}, 2, {kind}}, backend, 1);
      const auto reports = train(network, moons, &test, {}, options(300, 200, 0.5));
      REQUIRE(reports.size() == 300);
      // Full-batch descent with a small enough rate: every step lowers the loss.
      int rises = 0;
      for (std::size_t e = 1; e < 300; ++e)
        rises += reports[e].train_loss < reports[e - 1].train_loss ? 0 : 1;
      CHECK(rises == 0);
      CHECK(reports.back().train_loss < 0.15);
      CHECK(reports.back().train_accuracy >= 0.95);
      CHECK(*reports.back().test_accuracy >= 0.95);
    }
}

TEMPLATE_TEST_CASE("an epoch is the written-out loop over the shuffled samples", "[trainer]", float,
                   double) {
  using T = TestType;
  const Dataset data = half_planes(53, 3);
  const Preprocessing preprocessing{{0.25}, {2.0, 0.5}};
  for (const auto& backend : test_backends())
    for (const bool shuffle : {true, false})
      for (const index_t batch_size : {1, 10, 53, 100}) {
        INFO(backend->info().name << ", shuffle " << shuffle << ", batch " << batch_size);
        TrainOptions o = options(3, batch_size, 0.1, 0.5);
        o.seed = 99;
        o.shuffle = shuffle;
        Network<T> trained(kSpec, backend, 1);
        const auto reports = train(trained, data, nullptr, preprocessing, o);

        Network<T> written(kSpec, backend, 1);
        std::vector<std::int32_t> order(53);
        std::iota(order.begin(), order.end(), 0);
        for (std::uint32_t epoch = 1; epoch <= 3; ++epoch) {
          if (shuffle) shuffled_indices(order, 99, epoch);
          double loss = 0;
          index_t correct = 0;
          for (index_t first = 0; first < 53; first += batch_size) {
            const index_t n = std::min<index_t>(batch_size, 53 - first);
            const View<T> x = written.batch_input(n);
            std::vector<std::int32_t> labels;
            for (index_t s = 0; s < n; ++s) {
              const std::int32_t sample = order[static_cast<std::size_t>(first + s)];
              for (index_t j = 0; j < 2; ++j) {
                const auto k = static_cast<std::size_t>(j);
                x(s, j) = static_cast<T>((data.value(sample, j) - preprocessing.offset[0]) *
                                         preprocessing.scale[k]);
              }
              labels.push_back(data.labels()[static_cast<std::size_t>(sample)]);
            }
            const BatchResult result = written.train_batch(labels, {}, o.optimizer);
            loss += result.loss_sum;
            correct += result.correct;
          }
          const EpochReport& report = reports[epoch - 1];
          CHECK(report.epoch == epoch);
          CHECK(report.train_loss == Approx(loss / 53).epsilon(1e-6));
          CHECK(report.train_accuracy == static_cast<double>(correct) / 53);
          CHECK(!report.test_loss);
          CHECK(report.seconds > 0);
          CHECK(report.samples_per_second == Approx(53 / report.seconds));
        }
        const auto got = parameters_of(trained);
        const auto wanted = parameters_of(written);
        double worst = 0;
        for (std::size_t i = 0; i < got.size(); ++i) {
          const auto error = std::abs(static_cast<double>(got[i]) - static_cast<double>(wanted[i]));
          if (!(error <= worst)) worst = error;
        }
        CHECK(worst <= 1e4 * static_cast<double>(std::numeric_limits<T>::epsilon()));
      }
}

TEMPLATE_TEST_CASE("Adam and AdamW learn two moons", "[trainer]", float, double) {
  using T = TestType;
  const Dataset moons = make_moons(200, 0.1, 1);
  for (const auto& backend : test_backends())
    for (const bool decoupled : {false, true}) {
      INFO(backend->info().name << ", decoupled " << decoupled);
      Network<T> network({2, {10}, 2, {ActivationKind::tanh}}, backend, 1);
      TrainOptions o;
      o.epochs = 60;
      o.batch_size = 32;
      o.optimizer =
          AdamOptions{.learning_rate = 0.03, .weight_decay = 1e-4, .decoupled_decay = decoupled};
      const auto reports = train(network, moons, nullptr, {}, o);
      CHECK(reports.back().train_accuracy >= 0.98);
      CHECK(reports.back().train_loss < 0.1);
    }
}

TEST_CASE("a seed fixes a run bit for bit", "[trainer]") {
  const Dataset data = half_planes(100, 3);
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const auto run = [&](std::uint64_t weights, std::uint64_t shuffle) {
      Network<float> network(kSpec, backend, weights);
      TrainOptions o = options(3, 16, 0.2, 0.9);
      o.seed = shuffle;
      train(network, data, nullptr, {}, o);
      return parameters_of(network);
    };
    const auto first = run(1, 1);
    CHECK(run(1, 1) == first);
    CHECK(run(2, 1) != first);
    CHECK(run(1, 2) != first);
  }
}

TEST_CASE("a second run starts without the first one's velocity", "[trainer]") {
  const Dataset data = half_planes(40, 3);
  const auto& backend = test_backends().front();
  const TrainOptions o = options(2, 16, 0.2, 0.9);
  Network<float> used(kSpec, backend, 1);
  train(used, data, nullptr, {}, o);
  const auto initial = parameters_of(Network<float>(kSpec, backend, 1));
  const auto after_one = parameters_of(used);
  REQUIRE(after_one != initial);
  // Back to the initial weights: the run must repeat itself.
  const Network<float> fresh(kSpec, backend, 1);
  for (index_t l = 0; l < used.layers(); ++l) {
    copy<float>(fresh.layer(l).weights, used.layer(l).weights);
    for (index_t i = 0; i < used.layer(l).bias.size; ++i)
      used.layer(l).bias[i] = fresh.layer(l).bias[i];
  }
  train(used, data, nullptr, {}, o);
  CHECK(parameters_of(used) == after_one);
}

TEST_CASE("progress counts every sample once, the last partial batch included", "[trainer]") {
  const Dataset data = half_planes(25, 3);
  Network<float> network(kSpec, test_backends().front(), 1);
  std::vector<index_t> done;
  std::vector<index_t> epochs;
  std::vector<Progress> last;
  TrainCallbacks callbacks;
  callbacks.on_progress = [&](const Progress& p) {
    done.push_back(p.samples_done);
    CHECK(p.samples == 25);
    CHECK(p.epochs == 2);
    CHECK(p.seconds > 0);
    if (p.samples_done == p.samples) last.push_back(p);
  };
  callbacks.on_epoch = [&](const EpochReport& r) {
    epochs.push_back(r.epoch);
    REQUIRE(last.size() == epochs.size());
    CHECK(last.back().epoch == r.epoch);
    CHECK(last.back().mean_loss == r.train_loss);
    CHECK(last.back().accuracy == r.train_accuracy);
  };
  train(network, data, nullptr, {}, options(2, 10, 0.1), callbacks);
  CHECK(done == std::vector<index_t>{10, 20, 25, 10, 20, 25});
  CHECK(epochs == std::vector<index_t>{1, 2});
}

TEST_CASE("the time of callbacks and evaluation is not training time", "[trainer]") {
  const Dataset data = half_planes(30, 3);
  Network<float> network(kSpec, test_backends().front(), 1);
  TrainCallbacks callbacks;
  using Clock = std::chrono::steady_clock;
  callbacks.on_progress = [](const Progress&) {
    const auto until = Clock::now() + std::chrono::milliseconds(60);
    while (Clock::now() < until) continue;
  };
  const auto start = Clock::now();
  const auto reports = train(network, data, &data, {}, options(1, 10, 0.1), callbacks);
  const double whole = std::chrono::duration<double>(Clock::now() - start).count();
  CHECK(reports[0].seconds <= whole - 3 * 0.060);
}

TEST_CASE("test figures are those of evaluate", "[trainer]") {
  const Dataset data = half_planes(60, 3);
  const Dataset test = half_planes(300, 4);
  const Preprocessing preprocessing{{0.5}, {2}};
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network(kSpec, backend, 1);
    const auto reports = train(network, data, &test, preprocessing, options(2, 16, 0.3));
    const Evaluation evaluation = evaluate(network, test, preprocessing);
    CHECK(*reports.back().test_loss == Approx(evaluation.log_loss).epsilon(1e-14));
    CHECK(*reports.back().test_accuracy == Approx(evaluation.accuracy).epsilon(1e-14));
  }
}

TEST_CASE("evaluate reports loss and predictions of the whole data set", "[trainer]") {
  const Dataset data = half_planes(300, 4);  // more than a chunk
  const Preprocessing preprocessing{{0.5, 0.25}, {2}};
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network(kSpec, backend, 1);
    train(network, data, nullptr, preprocessing, options(3, 32, 0.3));
    std::vector<std::vector<index_t>> confusion(2, std::vector<index_t>(2));
    double loss = 0;
    for (index_t s = 0; s < 300; ++s) {
      const double x[] = {(data.value(s, 0) - 0.5) * 2, (data.value(s, 1) - 0.25) * 2};
      const Reference reference(network, {x, 2, 1});
      const std::int32_t label = data.labels()[static_cast<std::size_t>(s)];
      loss += static_cast<double>(reference.loss(label));
      confusion[static_cast<std::size_t>(label)]
               [static_cast<std::size_t>(reference.prediction())]++;
    }
    const Evaluation evaluation = evaluate(network, data, preprocessing);
    CHECK(evaluation.samples == 300);
    CHECK(evaluation.log_loss == Approx(loss / 300).epsilon(1e-12));
    CHECK(evaluation.confusion_matrix == confusion);
    CHECK(evaluation.accuracy ==
          Approx(static_cast<double>(confusion[0][0] + confusion[1][1]) / 300).epsilon(1e-14));
  }
}

TEST_CASE("training stops when the loss is no longer finite", "[trainer]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    // One sample, the last one, is NaN: without shuffling it comes in batch 3 of 3.
    std::vector<float> values(2 * 25, 0.5F);
    values.back() = std::numeric_limits<float>::quiet_NaN();
    const Dataset data(values, {2}, std::vector<std::int32_t>(25, 1), {"a", "b"});
    Network<float> network({2, {4}, 2}, backend, 1);
    TrainOptions o = options(4, 10, 0.25);
    o.shuffle = false;
    int epochs = 0;
    TrainCallbacks callbacks;
    callbacks.on_epoch = [&](const EpochReport&) { ++epochs; };
    std::string message;
    try {
      train(network, data, nullptr, {}, o, callbacks);
    } catch (const TrainingError& error) {
      message = error.what();
    }
    INFO(message);
    CHECK(message.find("the loss is nan in epoch 1, batch 3 of 3") != std::string::npos);
    CHECK(message.find("learning rate 0.25") != std::string::npos);
    CHECK(message.find("smaller learning rate such as 0.025") != std::string::npos);
    CHECK(epochs == 0);
  }
}

TEST_CASE("a learning rate far too large is reported, not trained with", "[trainer]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<float> network({2, {8, 8}, 2}, backend, 1);
    CHECK_THROWS_AS(train(network, half_planes(64, 1), nullptr, {}, options(50, 8, 1e30)),
                    TrainingError);
  }
}

TEST_CASE("an exception of a callback ends the run and reaches the caller", "[trainer]") {
  struct Stop {};
  const Dataset data = half_planes(25, 3);
  Network<float> network(kSpec, test_backends().front(), 1);
  int batches = 0;
  TrainCallbacks callbacks;
  callbacks.on_progress = [&](const Progress&) {
    if (++batches == 2) throw Stop{};
  };
  CHECK_THROWS_AS(train(network, data, nullptr, {}, options(2, 10, 0.1), callbacks), Stop);
  CHECK(batches == 2);
}

TEST_CASE("train refuses options and data that do not fit", "[trainer][checks]") {
  Network<float> network(kSpec, test_backends().front(), 1);
  const auto before = parameters_of(network);
  const Dataset good = half_planes(20, 3);
  const auto check_refusal = [&](const std::string& expected, const Dataset& data,
                                 const Dataset* test, const TrainOptions& o,
                                 const Preprocessing& preprocessing = {}) {
    std::string message = "(no exception)";
    try {
      train(network, data, test, preprocessing, o);
    } catch (const ArgumentError& error) {
      message = error.what();
    }
    INFO("expected: " << expected << "\nmessage:  " << message);
    CHECK(message.find(expected) != std::string::npos);
  };
  check_refusal("train: epochs is 0", good, nullptr, options(0, 4, 0.1));
  check_refusal("train: epochs is -3", good, nullptr, options(-3, 4, 0.1));
  check_refusal("train: batch_size is 0", good, nullptr, options(1, 0, 0.1));
  check_refusal("train: batch_size is -1", good, nullptr, options(1, -1, 0.1));
  check_refusal("learning_rate is 0", good, nullptr, options(1, 4, 0));
  check_refusal("the preprocessing has 3 values of offset but the data have 2 features", good,
                nullptr, options(1, 4, 0.1), {{1, 2, 3}, {}});
  check_refusal("the preprocessing has 4 values of scale", good, nullptr, options(1, 4, 0.1),
                {{}, {1, 2, 3, 4}});
  const Dataset narrow(std::vector<float>{1, 2}, {1}, {0, 1});
  check_refusal("train: the training data have 1 features but the network has 2 inputs", narrow,
                nullptr, options(1, 4, 0.1));
  check_refusal("train: the test data have 1 features", good, &narrow, options(1, 4, 0.1));
  const Dataset unlabelled(std::vector<float>{1, 2}, {2}, {});
  check_refusal("train: the training data have no labels", unlabelled, nullptr, options(1, 4, 0.1));
  const Dataset empty;
  check_refusal("train: the training data have no samples", empty, nullptr, options(1, 4, 0.1));
  const Dataset three(std::vector<float>{1, 2, 3, 4, 5, 6}, {2}, {0, 1, 2});
  check_refusal("train: the training data have 3 classes but the network only has 2", three,
                nullptr, options(1, 4, 0.1));
  check_refusal("train: the test data have 3 classes", good, &three, options(1, 4, 0.1));
  CHECK(parameters_of(network) == before);
}

}  // namespace
}  // namespace lamella::test
