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
      for (index_t i = 0; i < layer.weights.rows; ++i)
        for (index_t j = 0; j < layer.weights.cols; ++j)
          update(gradients.layer(l).weights(i, j), velocity_.layer(l).weights(i, j),
                 layer.weights(i, j));
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

// Algorithm 1 of Kingma and Ba, and 2 of Loshchilov and Hutter, line by line; biases without decay.
class ReferenceAdam {
 public:
  ReferenceAdam(const Network<double>& network, const AdamOptions& options)
      : options_(options), first_(network), second_(network) {}

  void step(Network<double>& network, std::span<const std::int32_t> labels) {
    Gradients<double> gradients(network);
    network.gradient(labels, {}, options_.decoupled_decay ? 0 : options_.weight_decay,
                     gradients.views());
    ++t_;
    const double kept =
        options_.decoupled_decay ? 1 - options_.learning_rate * options_.weight_decay : 1;
    for (index_t l = 0; l < network.layers(); ++l) {
      const LayerView<double> layer = network.layer(l);
      for (index_t i = 0; i < layer.weights.rows; ++i)
        for (index_t j = 0; j < layer.weights.cols; ++j)
          update(gradients.layer(l).weights(i, j), first_.layer(l).weights(i, j),
                 second_.layer(l).weights(i, j), kept, layer.weights(i, j));
      for (index_t i = 0; i < layer.bias.size; ++i)
        update(gradients.layer(l).bias[i], first_.layer(l).bias[i], second_.layer(l).bias[i], 1,
               layer.bias[i]);
    }
  }

 private:
  void update(double g, double& m, double& v, double kept, double& w) const {
    m = options_.beta1 * m + (1 - options_.beta1) * g;
    v = options_.beta2 * v + (1 - options_.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(options_.beta1, t_));
    const double v_hat = v / (1 - std::pow(options_.beta2, t_));
    w = kept * w - options_.learning_rate * m_hat / (std::sqrt(v_hat) + options_.epsilon);
  }

  AdamOptions options_;
  Gradients<double> first_, second_;
  int t_ = 0;
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
        const NetworkSpec spec{4, {128, 5}, 3, {ActivationKind::tanh}};  // W2 has padded rows
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

TEST_CASE("train_batch takes the steps of written-out Adam and AdamW", "[network][train]") {
  const AdamOptions variants[] = {
      {},
      {.learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3},
      {.learning_rate = 0.01, .beta1 = 0, .beta2 = 0, .epsilon = 0.1},
      {.learning_rate = 0.01, .weight_decay = 0.05},
      {.learning_rate = 0.01, .weight_decay = 0.5, .decoupled_decay = true}};
  for (const auto& backend : test_backends())
    for (const AdamOptions& o : variants) {
      INFO(backend->info().name << ", rate " << o.learning_rate << ", beta1 " << o.beta1
                                << ", decay " << o.weight_decay << ", decoupled "
                                << o.decoupled_decay);
      const NetworkSpec spec{4, {128, 5}, 3, {ActivationKind::tanh}};  // W2 has padded rows
      Network<double> trained(spec, backend, 2);
      Network<double> reference(spec, backend, 2);
      ReferenceAdam adam(reference, o);
      std::uint64_t seed = 1;
      for (const index_t n : {8, 8, 3, 1, 8, 1, 20, 8, 3}) {
        const auto batch = random_batch<double>(n, 4, 3, ++seed);
        copy<double>(batch.x.view(), trained.batch_input(n));
        copy<double>(batch.x.view(), reference.batch_input(n));
        trained.train_batch(batch.labels, {}, o);
        adam.step(reference, batch.labels);
        check_close(parameters_of(trained), parameters_of(reference));
      }
    }
}

TEST_CASE("Adam in float follows Adam in double", "[network][train]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const NetworkSpec spec{4, {7}, 3, {ActivationKind::tanh}};
    Network<float> single(spec, backend, 2);
    Network<double> wide(spec, backend, 2);
    for (int step = 0; step < 20; ++step) {
      const auto batch = random_batch<float>(8, 4, 3, 5);
      copy<float>(batch.x.view(), single.batch_input(8));
      const View<double> x = wide.batch_input(8);
      for (index_t s = 0; s < 8; ++s)
        for (index_t j = 0; j < 4; ++j) x(s, j) = batch.x(s, j);
      single.train_batch(batch.labels, {}, AdamOptions{});
      wide.train_batch(batch.labels, {}, AdamOptions{});
    }
    const auto got = parameters_of(single);
    const auto wanted = parameters_of(wide);
    for (std::size_t i = 0; i < got.size(); ++i)  // each has moved by up to 20 x 0.001
      CHECK(std::abs(static_cast<double>(got[i]) - wanted[i]) <= 1e-5);
  }
}

TEST_CASE("loss, correct predictions and weights of a batch are those of the reference",
          "[network][train]") {
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

TEST_CASE("a batch gathered by the step is the batch written before it", "[network][train]") {
  constexpr index_t kStored = 9, kFeatures = 3;
  std::vector<std::uint8_t> bytes;
  for (index_t i = 0; i < kStored * kFeatures; ++i)
    bytes.push_back(static_cast<std::uint8_t>(i * 83 % 256));
  const std::vector<double> offset{3}, scale{0.01, 0.02, 0.005};
  const auto gather_of = [&](const std::vector<std::int32_t>& chosen) {
    GatherBytes<double> batch;
    batch.values = bytes.data();
    batch.samples = kStored;
    batch.features = kFeatures;
    batch.indices = {chosen.data(), static_cast<index_t>(chosen.size()), 1};
    batch.offset = {offset.data(), kFeatures, 0};
    batch.scale = {scale.data(), kFeatures, 1};
    return batch;
  };
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const NetworkSpec spec{kFeatures, {6}, 2, {ActivationKind::tanh}};
    Network<double> gathering(spec, backend, 2);
    Network<double> written(spec, backend, 2);
    const SgdOptions o = options(0.5, 0, 0.01);
    const std::vector<std::vector<std::int32_t>> batches = {{4, 0, 8, 8}, {1, 2, 3, 5}, {7}};
    for (const auto& chosen : batches) {
      const auto n = static_cast<index_t>(chosen.size());
      std::vector<std::int32_t> labels(chosen.size(), 1);
      labels[0] = 0;
      const GatherBytes<double> batch = gather_of(chosen);
      const View<double> x = written.batch_input(n);
      for (index_t s = 0; s < n; ++s)
        for (index_t j = 0; j < kFeatures; ++j)
          x(s, j) = (bytes[static_cast<std::size_t>(batch.indices[s] * kFeatures + j)] - 3.0) *
                    scale[static_cast<std::size_t>(j)];
      // A step consumes what it gathers, and leaves what is written to batch_input().
      for (int step = 0; step < 2; ++step) {
        gathering.gather_batch(batch);
        const BatchResult got = gathering.train_batch(labels, {}, o);
        const BatchResult want = written.train_batch(labels, {}, o);
        CHECK(got.loss_sum == want.loss_sum);
        CHECK(parameters_of(gathering) == parameters_of(written));
        CHECK_THROWS_WITH(gathering.train_batch(labels, {}, o),
                          Catch::Matchers::ContainsSubstring("no mini-batch"));
      }
    }
    GatherBytes<double> outside = gather_of(batches[0]);
    outside.samples = 1;
    CHECK_THROWS_AS(gathering.gather_batch(outside), ArgumentError);
  }
}

// Where the first layer's products pack the bytes, in passing or before, by whole panels or less.
TEST_CASE("a batch packed from its bytes is the batch written before", "[network][train]") {
  constexpr index_t kStored = 150;
  struct Case {
    index_t features, units, samples;
    bool map_by_feature;
  };
  const auto c =
      GENERATE(Case{100, 40, 72, false}, Case{100, 40, 72, true}, Case{64, 14, 64, false},
               Case{32, 10, 33, false}, Case{31, 40, 64, false}, Case{45, 9, 40, false},
               Case{1030, 33, 32, false}, Case{77, 600, 96, false});
  INFO(c.features << "-" << c.units << ", batch of " << c.samples);
  std::vector<std::uint8_t> bytes;
  for (index_t i = 0; i < kStored * c.features; ++i)
    bytes.push_back(static_cast<std::uint8_t>(i * 89 % 251 + i % 5));
  std::vector<float> offset, scale;
  for (index_t j = 0; j < c.features; ++j) {
    offset.push_back(static_cast<float>(100 + j % 3));
    scale.push_back(1 / static_cast<float>(90 + j % 7));
  }
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const NetworkSpec spec{c.features, {c.units}, 3, {ActivationKind::relu}};
    Network<float> packing(spec, backend, 5);
    Network<float> written(spec, backend, 5);
    for (std::int32_t step = 0; step < 3; ++step) {
      std::vector<std::int32_t> chosen, labels;
      for (std::int32_t s = 0; s < static_cast<std::int32_t>(c.samples); ++s) {
        chosen.push_back((s * 7 + step * 11) % static_cast<std::int32_t>(kStored));
        labels.push_back((s + step) % 3);
      }
      GatherBytes<float> batch;
      batch.values = bytes.data();
      batch.samples = kStored;
      batch.features = c.features;
      batch.indices = {chosen.data(), c.samples, 1};
      batch.offset = {offset.data(), c.features, c.map_by_feature ? 1 : 0};
      batch.scale = {scale.data(), c.features, c.map_by_feature ? 1 : 0};
      packing.gather_batch(batch);
      const View<float> x = written.batch_input(c.samples);
      for (index_t s = 0; s < c.samples; ++s)
        for (index_t j = 0; j < c.features; ++j)
          x(s, j) = (static_cast<float>(
                         bytes[static_cast<std::size_t>(batch.indices[s] * c.features + j)]) -
                     batch.offset[j]) *
                    batch.scale[j];
      const SgdOptions o = options(0.1, 0, 0.01);
      CHECK(packing.train_batch(labels, {}, o).loss_sum ==
            written.train_batch(labels, {}, o).loss_sum);
      CHECK(parameters_of(packing) == parameters_of(written));
    }
  }
}

TEST_CASE("a gathered batch is transient where only products read it", "[network][train]") {
  const std::vector<std::uint8_t> bytes{1, 2, 3, 4, 5, 6};
  const std::vector<std::int32_t> all{0, 1, 2}, labels{0, 1, 0};
  const double zero = 0, one = 1;
  const auto backend = std::make_shared<PlanSpy>();
  Network<double> network({2, {3}, 2}, backend);
  using Transient = std::vector<std::size_t>;
  const auto transient_after = [&](std::size_t samples, const Optimizer& optimizer) {
    network.gather_batch({bytes.data(),
                          3,
                          2,
                          {all.data(), static_cast<index_t>(samples), 1},
                          {&zero, 2, 0},
                          {&one, 2, 0},
                          {}});
    backend->clear();
    network.train_batch(std::span(labels).first(samples), {}, optimizer);
    CHECK(backend->calls().front() == "gather_bytes");
    return backend->transient_outputs();
  };
  CHECK(transient_after(3, SgdOptions{}) == Transient{0});
  CHECK(transient_after(3, AdamOptions{}) == Transient{0});
  // Without weight decay, the gradient of a single sample is an outer product.
  CHECK(transient_after(1, SgdOptions{}).empty());
  CHECK(transient_after(1, AdamOptions{}) == Transient{0});

  backend->clear();
  network.batch_input(3);
  network.train_batch(labels, {}, SgdOptions{});
  CHECK(backend->transient_outputs().empty());
}

// A backend that computes nothing and reports a failure while `fails` is set.
class FailingBackend final : public Backend {
 public:
  mutable bool fails = false;

  const BackendInfo& info() const noexcept override { return inner_->info(); }
  const Kernels<float>& f32() const noexcept override { return inner_->f32(); }
  const Kernels<double>& f64() const noexcept override {
    return fails ? static_cast<const Kernels<double>&>(idle_) : inner_->f64();
  }
  void throw_if_failed() const override {
    if (fails) throw BackendError("the kernel failed");
  }

 private:
  class IdleKernels final : public Kernels<double> {
   public:
    void gemm(const Gemm<double>&) const noexcept override {}
    void bias_add(const BiasAdd<double>&) const noexcept override {}
    void softmax(const Softmax<double>&) const noexcept override {}
    void outer_product(const OuterProduct<double>&) const noexcept override {}
    void run(const Plan<double>&) const noexcept override {}
  };

  std::shared_ptr<const Backend> inner_ = make_minimal_backend();
  IdleKernels idle_;
};

TEST_CASE("a step that fails does not count as a step of Adam", "[network][train][adam]") {
  const NetworkSpec spec{3, {6}, 2, {ActivationKind::tanh}};
  const auto backend = std::make_shared<FailingBackend>();
  Network<double> network(spec, backend, 2);
  Network<double> undisturbed(spec, make_minimal_backend(), 2);
  const auto batch = random_batch<double>(12, 3, 2, 4);
  copy<double>(batch.x.view(), network.batch_input(12));
  copy<double>(batch.x.view(), undisturbed.batch_input(12));
  for (int step = 0; step < 3; ++step) {
    backend->fails = true;
    CHECK_THROWS_AS(network.train_batch(batch.labels, {}, AdamOptions{}), BackendError);
    backend->fails = false;
    network.train_batch(batch.labels, {}, AdamOptions{});
    undisturbed.train_batch(batch.labels, {}, AdamOptions{});
    CHECK(parameters_of(network) == parameters_of(undisturbed));
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
    used.reset_optimizer();
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

TEST_CASE("moments and their steps persist, and are reset on demand", "[network][train]") {
  const NetworkSpec spec{3, {6}, 2, {ActivationKind::tanh}};
  const auto& backend = test_backends().front();
  const auto batch = random_batch<double>(12, 3, 2, 4);
  const auto stepped = [&](auto between) {  // two steps of Adam with something between them
    Network<double> network(spec, backend, 2);
    copy<double>(batch.x.view(), network.batch_input(12));
    network.train_batch(batch.labels, {}, AdamOptions{});
    const auto after_one = parameters_of(network);
    between(network);
    network.train_batch(batch.labels, {}, AdamOptions{});
    std::vector<double> moved = parameters_of(network);
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = std::abs(moved[i] - after_one[i]);
    return moved;
  };
  // The first step of Adam moves every parameter by the learning rate, later ones do not.
  const auto kept = stepped([](auto&) {});
  const auto reset = stepped([](auto& network) { network.reset_optimizer(); });
  CHECK(kept != reset);
  for (const double distance : reset) CHECK(distance == Approx(0.001).epsilon(1e-3));
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
  const auto calls_of = [&](index_t n, const Optimizer& o) {
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
        after_forward({"gemm+backward", "gemm", "column_sums", "gemm+backward", "gemm",
                       "column_sums", "gemm", "column_sums"}));
  CHECK(calls_of(1, options(0.1, 0, 0)) ==
        after_forward({"gemm+backward", "outer_product", "column_sums", "gemm+backward",
                       "outer_product", "column_sums", "outer_product", "column_sums"}));
  CHECK(calls_of(1, options(0.1, 0, 0.1)) ==
        after_forward({"gemm+backward", "gemm", "column_sums", "gemm+backward", "gemm",
                       "column_sums", "gemm", "column_sums"}));
  CHECK(calls_of(8, options(0.1, 0.5, 0)) ==
        after_forward({"gemm+backward", "gemm", "column_sums", "sgd_update", "sgd_update",  //
                       "gemm+backward", "gemm", "column_sums", "sgd_update", "sgd_update",  //
                       "gemm", "column_sums", "sgd_update", "sgd_update"}));
  CHECK(calls_of(8, AdamOptions{}) ==
        after_forward({"gemm+backward", "gemm", "column_sums", "adam_update", "adam_update",  //
                       "gemm+backward", "gemm", "column_sums", "adam_update", "adam_update",  //
                       "gemm", "column_sums", "adam_update", "adam_update"}));
}

}  // namespace
}  // namespace lamella::test
