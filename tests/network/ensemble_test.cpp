// Ensembles: the mean of probabilities, and members trained at the same time as if each were alone.
#include <atomic>
#include <stdexcept>

#include <lamella/ensemble.h>
#include <lamella/error.h>
#include <lamella/generators.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::Message;

const NetworkSpec kSpec{2, {8, 5}, 2, {ActivationKind::tanh}, Normalization::batch};

TrainOptions options() {
  TrainOptions o;
  o.epochs = 3;
  o.batch_size = 16;
  o.seed = 7;
  o.dropout = 0.2;
  o.optimizer = AdamOptions{};
  return o;
}

TEMPLATE_TEST_CASE("an ensemble predicts the mean of its members", "[ensemble]", float, double) {
  using T = TestType;
  const auto batch = random_batch<T>(300, 2, 2, 1);  // more than a chunk
  for (const auto& backend : test_backends()) {
    std::vector<Network<T>> members;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) members.emplace_back(kSpec, backend, seed);
    members.emplace_back(NetworkSpec{2, {3}, 2, {}}, backend, 4);  // of another shape
    Matrix<T> sum(300, 2), own(300, 2), mean(300, 2);
    for (const Network<T>& member : members) {
      member.predict(batch.x.view(), own.view());
      for (std::size_t i = 0; i < own.values().size(); ++i) sum.values()[i] += own.values()[i];
    }
    const Ensemble<T> ensemble(std::move(members));
    ensemble.predict(batch.x.view(), mean.view());
    const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-15;
    for (std::size_t i = 0; i < mean.values().size(); ++i)
      CHECK(std::abs(static_cast<double>(mean.values()[i]) -
                     static_cast<double>(sum.values()[i]) / 4) <= tolerance);
  }
}

TEST_CASE("an ensemble of one predicts that network's bits", "[ensemble]") {
  const auto batch = random_batch<float>(20, 2, 2, 1);
  std::vector<Network<float>> members;
  members.emplace_back(kSpec, make_backend(), 1);
  Matrix<float> alone(20, 2), together(20, 2);
  members.front().predict(batch.x.view(), alone.view());
  const Ensemble<float> ensemble(std::move(members));
  ensemble.predict(batch.x.view(), together.view());
  CHECK(std::ranges::equal(alone.values(), together.values()));
}

TEST_CASE("members of an ensemble are for the same data", "[ensemble]") {
  CHECK_THROWS_MATCHES(Ensemble<float>({}), ArgumentError,
                       Message("Ensemble: there are no members; it needs at least one network"));
  std::vector<Network<float>> members;
  members.emplace_back(kSpec, make_backend(), 1);
  members.emplace_back(NetworkSpec{2, {4}, 3, {}}, make_backend(), 1);
  CHECK_THROWS_MATCHES(Ensemble<float>(std::move(members)), ArgumentError,
                       Message("Ensemble: member 1 has 2 inputs and 3 classes, but member 0 has 2 "
                               "and 2"));
}

TEMPLATE_TEST_CASE("members are trained as if each were alone", "[ensemble]", float, double) {
  using T = TestType;
  const Dataset data = make_moons(50, 0.1, 1);
  const bool averages = GENERATE(false, true);
  EnsembleOptions ensemble{.members = 5, .initialization = Initialization::torch};
  if (averages) ensemble.average = ExponentialAverage{.decay = 0.9, .every = 2};
  for (const int threads : {1, 2, 3}) {
    const auto trained = train_ensemble<T>(kSpec, {.name = "auto", .threads = threads}, data, &data,
                                           {}, options(), ensemble);
    REQUIRE(trained.ensemble.members().size() == 5);
    REQUIRE(trained.reports.size() == 5);
    for (std::uint64_t m = 0; m < 5; ++m) {
      INFO(threads << " threads, member " << m);
      TrainOptions own = options();
      own.seed += m;
      const auto backend = make_backend({.name = "simd"});
      Network<T> alone(kSpec, backend, own.seed, Initialization::torch);
      std::optional<WeightAverage<T>> average;
      if (averages) average.emplace(alone, backend, *ensemble.average);
      const auto reports = train(alone, data, &data, {}, own, {}, averages ? &*average : nullptr);
      CHECK(parameters_of(trained.ensemble.members()[m]) ==
            parameters_of(averages ? average->network() : alone));
      CHECK(trained.reports[m].back().train_loss == reports.back().train_loss);
      CHECK(trained.reports[m].back().test_loss == reports.back().test_loss);
    }
  }
}

TEST_CASE("callbacks of an ensemble come one at a time, from every member", "[ensemble]") {
  const Dataset data = make_moons(50, 0.1, 1);
  std::atomic<int> inside = 0;
  std::vector<int> epochs(3), steps(3);
  EnsembleCallbacks callbacks;
  callbacks.on_progress = [&](index_t member, const Progress&) {
    CHECK(inside.fetch_add(1) == 0);
    ++steps[static_cast<std::size_t>(member)];
    inside.fetch_sub(1);
  };
  callbacks.on_epoch = [&](index_t member, const EpochReport&) {
    CHECK(inside.fetch_add(1) == 0);
    ++epochs[static_cast<std::size_t>(member)];
    inside.fetch_sub(1);
  };
  train_ensemble<float>(kSpec, {}, data, nullptr, {}, options(), {.members = 3}, callbacks);
  CHECK(epochs == std::vector{3, 3, 3});
  CHECK(steps == std::vector{12, 12, 12});
}

TEST_CASE("a callback that throws stops all members", "[ensemble]") {
  const Dataset data = make_moons(50, 0.1, 1);
  TrainOptions long_run = options();
  long_run.epochs = 1000000;
  EnsembleCallbacks callbacks;
  callbacks.on_epoch = [&](index_t member, const EpochReport&) {
    if (member == 1) throw std::runtime_error("enough");
  };
  CHECK_THROWS_MATCHES(train_ensemble<float>(kSpec, {.name = {}, .isa = {}, .threads = 2}, data,
                                             nullptr, {}, options(), {.members = 2}, callbacks),
                       std::runtime_error, Message("enough"));
  // With two threads, member 0 runs until it is stopped.
  if (thread_limit().threads > 1)
    CHECK_THROWS_MATCHES(train_ensemble<float>(kSpec, {.name = {}, .isa = {}, .threads = 2}, data,
                                               nullptr, {}, long_run, {.members = 2}, callbacks),
                         std::runtime_error, Message("enough"));
}

TEST_CASE("options of an ensemble are checked", "[ensemble]") {
  const Dataset data = make_moons(50, 0.1, 1);
  const auto run = [&](TrainOptions o, index_t members) {
    train_ensemble<float>(kSpec, {}, data, nullptr, {}, o, {.members = members});
  };
  CHECK_THROWS_MATCHES(run(options(), 0), ArgumentError,
                       Message("train_ensemble: 0 members; at least 1 is needed"));
  TrainOptions later = options();
  later.first_epoch = 2;
  CHECK_THROWS_MATCHES(run(later, 2), ArgumentError,
                       Message("train_ensemble: first_epoch is 2; an ensemble is trained from its "
                               "beginning, 1"));
  TrainOptions last = options();
  last.seed = ~std::uint64_t{0};
  CHECK_THROWS_MATCHES(run(last, 2), ArgumentError,
                       Message("train_ensemble: seed 18446744073709551615 and 2 members exceed "
                               "2^64"));
}

}  // namespace
}  // namespace lamella::test
