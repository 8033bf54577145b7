// The loss of training: smoothed labels, weights of classes and of samples.
#include <cmath>
#include <limits>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/loss.h>
#include <lamella/trainer.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::Message;

const NetworkSpec kSpec{2, {6}, 3, {ActivationKind::tanh}};

Dataset points(std::vector<double> weights = {}) {
  return Dataset(std::vector<double>{0, 1, 1, 0, -1, 0.5, 2, 2, -2, 1, 0.3, -1}, {2},
                 {0, 1, 2, 2, 0, 2})
      .with_weights(std::move(weights));
}

TrainOptions options() {
  TrainOptions o;
  o.epochs = 3;
  o.batch_size = 4;
  o.shuffle = false;
  return o;
}

// The network after `o.epochs` of written-out steps with these weights of the six samples.
template <class T>
Network<T> by_hand(const std::shared_ptr<const Backend>& backend, const Dataset& data,
                   const std::vector<T>& weights, const TrainOptions& o) {
  Network<T> network(kSpec, backend, 1);
  const std::vector<std::int32_t> order{0, 1, 2, 3, 4, 5};
  for (index_t epoch = 0; epoch < o.epochs; ++epoch)
    for (const auto& [first, n] : {std::pair<std::size_t, std::size_t>{0, 4}, {4, 2}}) {
      data.gather(std::span(order).subspan(first, n), {},
                  network.batch_input(static_cast<index_t>(n)));
      network.train_batch(data.labels().subspan(first, n), std::span(weights).subspan(first, n),
                          o.optimizer, {}, o.loss);
    }
  return network;
}

TEST_CASE("balanced class weights are scikit-learn's", "[loss]") {
  // compute_class_weight("balanced", classes=[0, 1, 3], y=[0, 0, 0, 1, 3, 3]) is 2/3, 2, 1.
  const std::vector<std::int32_t> labels{0, 0, 0, 1, 3, 3};
  const std::vector<double> weights = balanced_class_weights(labels, 5);
  REQUIRE(weights.size() == 5);
  CHECK(weights[0] == Approx(2.0 / 3).epsilon(1e-15));
  CHECK(weights[1] == 2);
  CHECK(weights[2] == 1);  // does not occur
  CHECK(weights[3] == 1);
  CHECK(weights[4] == 1);
  double sum = 0;
  for (const std::int32_t label : labels) sum += weights[static_cast<std::size_t>(label)];
  CHECK(sum == Approx(6).epsilon(1e-15));
  CHECK_THROWS_MATCHES(
      balanced_class_weights(labels, 3), ArgumentError,
      Message("balanced_class_weights: sample 4 has label 3, which is not one of 0 to 2"));
  CHECK_THROWS_AS(balanced_class_weights({}, 3), ArgumentError);
}

TEMPLATE_TEST_CASE("a sample counts as much as its weight times that of its class", "[loss]", float,
                   double) {
  using T = TestType;
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    TrainOptions o = options();
    Network<T> network(kSpec, backend, 1);
    SECTION(backend->info().name + ": classes") {
      o.class_weights = {0.5, 4, 1};
      const auto reports = train(network, points(), nullptr, {}, o);
      CHECK(parameters_of(network) ==
            parameters_of(by_hand<T>(backend, points(), {T(0.5), 4, 1, 1, T(0.5), 1}, o)));
      CHECK(reports.back().train_loss > 0);
    }
    SECTION(backend->info().name + ": samples") {
      const Dataset data = points({1, 0, 2, 0.25, 3, 1});
      train(network, data, nullptr, {}, o);
      CHECK(parameters_of(network) ==
            parameters_of(by_hand<T>(backend, data, {1, 0, 2, T(0.25), 3, 1}, o)));
    }
    SECTION(backend->info().name + ": both, and smoothed labels") {
      const Dataset data = points({1, 0, 2, 0.25, 3, 1});
      o.class_weights = {0.5, 4, 1};
      o.loss.label_smoothing = 0.1;
      train(network, data, nullptr, {}, o);
      CHECK(parameters_of(network) ==
            parameters_of(by_hand<T>(backend, data, {T(0.5), 0, 2, T(0.25), T(1.5), 1}, o)));
    }
  }
}

TEST_CASE("weights of one are no weights", "[loss]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<float> plain(kSpec, backend, 1), weighted(kSpec, backend, 1);
    TrainOptions o = options();
    train(plain, points(), nullptr, {}, o);
    o.class_weights = {1, 1, 1};
    train(weighted, points(std::vector<double>(6, 1.0)), nullptr, {}, o);
    CHECK(parameters_of(weighted) == parameters_of(plain));
  }
}

TEST_CASE("a mini-batch without weight takes no step", "[loss]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network(kSpec, backend, 1), first_batch(kSpec, backend, 1);
    TrainOptions o = options();
    o.optimizer = AdamOptions{};
    const auto reports = train(network, points({1, 1, 1, 1, 0, 0}), nullptr, {}, o);
    const std::vector<std::int32_t> first{0, 1, 2, 3};
    const auto expected = train(first_batch, points().subset(first), nullptr, {}, o);
    CHECK(parameters_of(network) == parameters_of(first_batch));
    CHECK(reports.back().train_loss == expected.back().train_loss);
    CHECK(reports.back().train_accuracy == expected.back().train_accuracy);
  }
}

TEST_CASE("training with smoothed labels does not change what evaluation means", "[loss]") {
  const Dataset moons = make_moons(60, 0.1, 1);
  Network<double> network({2, {8}, 2, {ActivationKind::tanh}}, test_backends().front(), 1);
  TrainOptions o = options();
  o.optimizer = SgdOptions{.learning_rate = 1e-12};  // as good as none
  o.batch_size = 60;
  const auto plain = train(network, moons, &moons, {}, o);
  o.loss.label_smoothing = 0.3;
  const auto smoothed = train(network, moons, &moons, {}, o);
  CHECK(*smoothed.back().test_loss == Approx(*plain.back().test_loss).epsilon(1e-9));
  CHECK(smoothed.back().train_loss != Approx(plain.back().train_loss).epsilon(1e-3));
}

TEST_CASE("weights are checked before anything is trained", "[loss]") {
  const double inf = std::numeric_limits<double>::infinity();
  Network<float> network(kSpec, test_backends().front(), 1);
  const auto before = parameters_of(network);
  const auto refused = [&](const Dataset& data, TrainOptions o, const std::string& what) {
    CHECK_THROWS_MATCHES(train(network, data, nullptr, {}, o), ArgumentError, Message(what));
    CHECK(parameters_of(network) == before);
  };
  TrainOptions o = options();
  o.class_weights = {1, 2};
  refused(points(), o, "train: 2 class weights for 3 classes");
  o.class_weights = {1, 0, 2};
  refused(points(), o, "train: the weight of class 1 is 0; it must be positive and finite");
  o.class_weights = {1, 1, inf};
  refused(points(), o, "train: the weight of class 2 is inf; it must be positive and finite");
  o.class_weights = {1, 1e300, 1};
  refused(points(), o, "train: the weight of sample 1, 1 times that of its class, is too large");
  o = options();
  o.loss.label_smoothing = 1;
  refused(points(), o, "train: label_smoothing is 1; it must be in [0, 1)");
  const std::vector<std::int32_t> second{1};
  refused(points({1, 0, 1, 1, 1, 1}).subset(second), options(),
          "train: all training samples have weight 0, so there is nothing to learn");

  CHECK_THROWS_MATCHES(points({1, 2}), ArgumentError,
                       Message("Dataset::with_weights: 2 weights for 6 samples"));
  CHECK_THROWS_MATCHES(
      points({1, 1, 1, -0.5, 1, 1}), DataError,
      Message("the weight of sample 3 is -0.5; weights must be finite and not negative"));
  CHECK_THROWS_MATCHES(points({0, 0, 0, 0, 0, 0}), DataError,
                       Message("all weights are 0; at least one sample must count"));
}

TEST_CASE("a subset keeps the weights of its samples", "[loss]") {
  const std::vector<std::int32_t> some{4, 2};
  const Dataset subset = points({1, 0, 2, 0.25, 3, 1}).subset(some);
  CHECK(std::vector<double>(subset.weights().begin(), subset.weights().end()) ==
        std::vector<double>{3, 2});
}

}  // namespace
}  // namespace lamella::test
