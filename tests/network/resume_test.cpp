// A training continued with first_epoch is the uninterrupted one, bit for bit.
#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/trainer.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

const NetworkSpec kSpec{2, {8, 5}, 2, {ActivationKind::tanh}};

TrainOptions options(const Optimizer& optimizer, index_t epochs, index_t first_epoch = 1) {
  TrainOptions o;
  o.optimizer = optimizer;
  o.epochs = epochs;
  o.first_epoch = first_epoch;
  o.batch_size = 16;
  o.dropout = 0.2;
  o.augmentation.noise = 0.05;
  o.seed = 7;
  return o;
}

TEMPLATE_TEST_CASE("a continued training has the bits of an uninterrupted one", "[trainer]", float,
                   double) {
  const Dataset moons = make_moons(50, 0.1, 1);
  for (const auto& backend : test_backends())
    for (const Optimizer& optimizer :
         {Optimizer(SgdOptions{}), Optimizer(SgdOptions{.momentum = 0.9, .nesterov = true}),
          Optimizer(AdamOptions{})}) {
      INFO(backend->info().name << ", optimiser " << optimizer.index());
      Network<TestType> whole(kSpec, backend, 1);
      const auto reports = train(whole, moons, &moons, {}, options(optimizer, 5));

      Network<TestType> parts(kSpec, backend, 1);
      auto continued = train(parts, moons, &moons, {}, options(optimizer, 2));
      for (const EpochReport& report : train(parts, moons, &moons, {}, options(optimizer, 5, 3)))
        continued.push_back(report);
      CHECK(parameters_of(parts) == parameters_of(whole));
      REQUIRE(continued.size() == 5);
      for (std::size_t i = 0; i < 5; ++i) {
        CHECK(continued[i].epoch == static_cast<index_t>(i) + 1);
        CHECK(continued[i].train_loss == reports[i].train_loss);
        CHECK(continued[i].test_loss == reports[i].test_loss);
      }
    }
}

TEST_CASE("what the optimiser remembers matters to a continued training", "[trainer]") {
  const Dataset moons = make_moons(50, 0.1, 1);
  for (const Optimizer& optimizer :
       {Optimizer(SgdOptions{.momentum = 0.9}), Optimizer(AdamOptions{})}) {
    const auto trained = [&](bool forget) {
      Network<double> network(kSpec, test_backends().front(), 1);
      train(network, moons, nullptr, {}, options(optimizer, 2));
      if (forget) network.reset_optimizer();
      train(network, moons, nullptr, {}, options(optimizer, 4, 3));
      return parameters_of(network);
    };
    CHECK(trained(true) != trained(false));
  }
}

TEST_CASE("first_epoch lies within the epochs", "[trainer]") {
  const Dataset moons = make_moons(50, 0.1, 1);
  Network<double> network(kSpec, test_backends().front(), 1);
  for (const index_t first : {-1, 0, 4}) {
    const TrainOptions o = options(SgdOptions{}, 3, first);
    CHECK_THROWS_AS(train(network, moons, nullptr, {}, o), ArgumentError);
    CHECK_THROWS_WITH(train(network, moons, nullptr, {}, o),
                      ContainsSubstring("it must be from 1 to epochs, 3"));
  }
}

}  // namespace
}  // namespace lamella::test
