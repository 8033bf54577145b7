// Training steps against steps written out from the gradient.
#include <cmath>

#include <lamella/error.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/network/plan_spy.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

// Momentum gradient descent written out: one velocity per parameter, biases without decay.
class ReferenceSgd {
 public:
  ReferenceSgd(const Network<double>& network, const SgdOptions& options)
      : options_(options), velocity_(network) {}

  // Steps `network` on the batch in its workspace.
  BatchResult step(Network<double>& network, std::span<const std::int32_t> labels,
                   std::span<const double> weights) {
    Gradients<double> gradients(network);
    const BatchResult result =
        network.gradient(labels, weights, options_.weight_decay, gradients.views());
    for (index_t l = 0; l < network.layers(); ++l) {
      const LayerView<double> layer = network.layer(l);
      for (index_t i = 0; i < layer.weights.size(); ++i)
        update(gradients.layer(l).weights.data[i], velocity_.layer(l).weights.data[i],
               layer.weights.data[i]);
      for (index_t i = 0; i < layer.bias.size; ++i)
        update(gradients.layer(l).bias[i], velocity_.layer(l).bias[i], layer.bias[i]);
    }
    return result;
  }

 private:
  void update(double g, double& v, double& w) const {
    v = options_.momentum * v + g;
    w -= options_.learning_rate * (options_.nesterov ? g + options_.momentum * v : v);
  }

  SgdOptions options_;
  Gradients<double> velocity_;
};

void check_close(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= worst)) worst = std::abs(a[i] - b[i]);
  CHECK(worst <= 1e-13);
}

SgdOptions options(double rate, double momentum, double decay, bool nesterov = false) {
  SgdOptions o;
  o.learning_rate = rate;
  o.momentum = momentum;
  o.weight_decay = decay;
  o.nesterov = nesterov;
  return o;
}

TEST_CASE("train_batch takes the steps of written-out gradient descent", "[network][train]") {
  for (const auto& backend : test_backends())
    for (const SgdOptions& o : {options(0.3, 0, 0), options(0.3, 0, 0.05), options(0.1, 0.9, 0),
                                options(0.1, 0.8, 0.05), options(0.1, 0.9, 0.05, true)})
      for (const bool weighted : {false, true}) {
        INFO(backend->info().name << ", momentum " << o.momentum << ", decay " << o.weight_decay
                                  << ", nesterov " << o.nesterov << ", weighted " << weighted);
        const NetworkSpec spec{4, {7, 5}, 3, {ActivationKind::tanh}};
        Network<double> trained(spec, backend, 2);
        Network<double> reference(spec, backend, 2);
        ReferenceSgd sgd(reference, o);
        // Full batches, partial ones and single samples, as at the ends of epochs.
        std::uint64_t seed = 1;
        for (const index_t n : {8, 8, 3, 1, 8, 1, 20, 8, 3}) {
          const auto batch = random_batch<double>(n, 4, 3, ++seed);
          const auto weights =
              weighted ? std::span<const double>(batch.weights) : std::span<const double>();
          copy<double>(batch.x.view(), trained.batch_input(n));
          copy<double>(batch.x.view(), reference.batch_input(n));
          const BatchResult result = trained.train_batch(batch.labels, weights, o);
          const BatchResult wanted = sgd.step(reference, batch.labels, weights);
          CHECK(result.loss_sum == Approx(wanted.loss_sum).epsilon(1e-12));
          CHECK(result.weight_sum == wanted.weight_sum);
          CHECK(result.correct == wanted.correct);
          check_close(parameters_of(trained), parameters_of(reference));
        }
      }
}

TEST_CASE("loss, hits and weights of a batch are those of the reference", "[network][train]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network({5, {9}, 4, {ActivationKind::sigmoid}}, backend, 6);
    const auto batch = random_batch<double>(21, 5, 4, 8);
    double loss = 0;
    double weight_sum = 0;
    index_t correct = 0;
    for (std::size_t s = 0; s < 21; ++s) {
      const Reference reference(network, row(batch.x.view(), static_cast<index_t>(s)));
      loss += batch.weights[s] * static_cast<double>(reference.loss(batch.labels[s]));
      weight_sum += batch.weights[s];
      correct += reference.prediction() == batch.labels[s] ? 1 : 0;
    }
    copy<double>(batch.x.view(), network.batch_input(21));
    const BatchResult result = network.train_batch(batch.labels, batch.weights, {});
    CHECK(result.loss_sum == Approx(loss).epsilon(1e-13));
    CHECK(result.weight_sum == Approx(weight_sum).epsilon(1e-15));
    CHECK(result.correct == correct);
  }
}

TEST_CASE("options may change from step to step", "[network][train]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const NetworkSpec spec{3, {6}, 2, {ActivationKind::tanh}};
    Network<double> trained(spec, backend, 2);
    Network<double> reference(spec, backend, 2);
    const auto batch = random_batch<double>(12, 3, 2, 4);
    copy<double>(batch.x.view(), trained.batch_input(12));
    copy<double>(batch.x.view(), reference.batch_input(12));
    for (const double rate : {0.5, 0.25, 0.25, 0.5}) {
      const SgdOptions o = options(rate, 0, 0.01);
      trained.train_batch(batch.labels, {}, o);
      ReferenceSgd(reference, o).step(reference, batch.labels, {});
      check_close(parameters_of(trained), parameters_of(reference));
    }
  }
}

TEST_CASE("velocity starts at zero, persists, and is reset on demand", "[network][train]") {
  const NetworkSpec spec{3, {6}, 2, {ActivationKind::tanh}};
  const auto& backend = test_backends().front();
  const SgdOptions with = options(0.1, 0.9, 0);
  const auto batch = random_batch<double>(12, 3, 2, 4);
  // The same parameters in two networks, one of which has taken a step with momentum before.
  Network<double> used(spec, backend, 2);
  copy<double>(batch.x.view(), used.batch_input(12));
  used.train_batch(batch.labels, {}, with);
  const auto fresh_copy = [&] {
    Network<double> fresh(spec, backend, 3);
    for (index_t l = 0; l < fresh.layers(); ++l) {
      copy<double>(used.layer(l).weights, fresh.layer(l).weights);
      for (index_t i = 0; i < fresh.layer(l).bias.size; ++i)
        fresh.layer(l).bias[i] = used.layer(l).bias[i];
    }
    copy<double>(batch.x.view(), fresh.batch_input(12));
    return fresh;
  };
  SECTION("persists") {
    Network<double> fresh = fresh_copy();
    used.train_batch(batch.labels, {}, with);
    fresh.train_batch(batch.labels, {}, with);
    CHECK(parameters_of(used) != parameters_of(fresh));
  }
  SECTION("reset") {
    Network<double> fresh = fresh_copy();
    used.reset_velocity();
    used.train_batch(batch.labels, {}, with);
    fresh.train_batch(batch.labels, {}, with);
    CHECK(parameters_of(used) == parameters_of(fresh));
  }
  SECTION("a step without momentum is a plain one") {
    Network<double> fresh = fresh_copy();
    used.train_batch(batch.labels, {}, options(0.1, 0, 0));
    fresh.train_batch(batch.labels, {}, options(0.1, 0, 0));
    CHECK(parameters_of(used) == parameters_of(fresh));
  }
}

TEST_CASE("weights scale a sample's part in the mean", "[network][train]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const NetworkSpec spec{3, {6}, 2, {ActivationKind::tanh}};
    auto batch = random_batch<double>(4, 3, 2, 4);
    // Weight 2 counts as two samples; weight 0 as none.
    Matrix<double> repeated(4, 3);
    copy<double>(block(batch.x.view(), 0, 0, 3, 3), block(repeated.view(), 0, 0, 3, 3));
    copy<double>(block(batch.x.view(), 2, 0, 1, 3), block(repeated.view(), 3, 0, 1, 3));
    std::vector<std::int32_t> repeated_labels = batch.labels;
    repeated_labels[3] = repeated_labels[2];
    const std::vector<double> weights{1, 1, 2, 0};

    Network<double> weighted(spec, backend, 2);
    copy<double>(batch.x.view(), weighted.batch_input(4));
    weighted.train_batch(batch.labels, weights, options(0.5, 0, 0));
    Network<double> plain(spec, backend, 2);
    copy<double>(repeated.view(), plain.batch_input(4));
    plain.train_batch(repeated_labels, {}, options(0.5, 0, 0));
    check_close(parameters_of(weighted), parameters_of(plain));
  }
}

TEST_CASE("a step is one plan of exactly the calls that it needs", "[network][train]") {
  const auto spy = std::make_shared<PlanSpy>();
  Network<double> network({4, {6, 5}, 3}, spy, 1);
  const auto calls_of = [&](index_t n, const SgdOptions& o) {
    const auto batch = random_batch<double>(n, 4, 3, 1);
    copy<double>(batch.x.view(), network.batch_input(n));
    spy->clear();
    network.train_batch(batch.labels, {}, o);
    return spy->calls();
  };
  const std::vector<std::string> forward{"gemm+bias+relu", "gemm+bias+relu", "gemm+bias",
                                         "softmax_nll"};
  const auto after_forward = [&](std::vector<std::string> rest) {
    std::vector<std::string> all = forward;
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  };
  CHECK(calls_of(8, options(0.1, 0, 0)) ==
        after_forward({"gemm+gate", "gemm", "column_sums", "gemm+gate", "gemm", "column_sums",
                       "gemm", "column_sums"}));
  CHECK(calls_of(1, options(0.1, 0, 0)) ==
        after_forward({"gemm+gate", "outer_product", "column_sums", "gemm+gate", "outer_product",
                       "column_sums", "outer_product", "column_sums"}));
  CHECK(calls_of(1, options(0.1, 0, 0.1)) ==
        after_forward({"gemm+gate", "gemm", "column_sums", "gemm+gate", "gemm", "column_sums",
                       "gemm", "column_sums"}));
  CHECK(calls_of(8, options(0.1, 0.5, 0)) ==
        after_forward({"gemm+gate", "gemm", "column_sums", "sgd_update", "sgd_update",  //
                       "gemm+gate", "gemm", "column_sums", "sgd_update", "sgd_update",  //
                       "gemm", "column_sums", "sgd_update", "sgd_update"}));
}

}  // namespace
}  // namespace lamella::test
