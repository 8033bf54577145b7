// Construction, prediction and evaluation of networks, against the reference in fixtures.h.
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include <lamella/error.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

template <class T>
void zero_last_weights(Network<T>& network) {
  const View<T> w = network.layer(network.layers() - 1).weights;
  for (index_t i = 0; i < w.size(); ++i) w.data[i] = 0;
}

TEMPLATE_TEST_CASE("predict gives the reference's probabilities", "[network]", float, double) {
  using T = TestType;
  const double tolerance = 60 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const auto& backend : test_backends())
    for (const auto& [name, activation] : all_activations())
      for (const index_t samples : {1, 3, 255, 256, 257, 600}) {
        INFO(backend->info().name << ", " << name << ", " << samples << " samples");
        Network<T> network({5, {17, 9}, 4, activation}, backend, 3);
        randomize_biases(network, 4);
        const auto batch = random_batch<T>(samples, 5, 4, 11);
        Matrix<T> p(samples, 4);
        network.predict(batch.x.view(), p.view());
        double worst = 0;
        double worst_sum = 0;
        for (index_t s = 0; s < samples; ++s) {
          const Reference reference(network, row(batch.x.view(), s));
          double sum = 0;
          for (index_t j = 0; j < 4; ++j) {
            const auto wanted =
                static_cast<double>(reference.probabilities[static_cast<std::size_t>(j)]);
            const double error = std::abs(static_cast<double>(p(s, j)) - wanted);
            if (!(error <= worst)) worst = error;
            sum += static_cast<double>(p(s, j));
          }
          if (!(std::abs(sum - 1) <= worst_sum)) worst_sum = std::abs(sum - 1);
        }
        CHECK(worst <= tolerance);
        CHECK(worst_sum <= 4 * static_cast<double>(std::numeric_limits<T>::epsilon()));
      }
}

TEST_CASE("predict takes any strides and keeps to its output", "[network]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network({3, {8}, 2, {ActivationKind::tanh}}, backend, 1);
    const auto batch = random_batch<double>(300, 3, 2, 2);
    Matrix<double> dense(300, 2);
    network.predict(batch.x.view(), dense.view());

    Matrix<double> columns(3, 300);  // samples in columns
    copy<double>(transposed(batch.x.view()), columns.view());
    Matrix<double> wide(300, 7);
    for (double& value : wide.values()) value = -5;
    network.predict(transposed(ConstView<double>(columns.view())),
                    block(wide.view(), 0, 2, 300, 2));
    for (index_t s = 0; s < 300; ++s)
      for (index_t j = 0; j < 7; ++j) {
        const bool inside = j == 2 || j == 3;
        CHECK(wide(s, j) == (inside ? Approx(dense(s, j - 2)).epsilon(1e-14) : Approx(-5)));
      }
  }
}

TEST_CASE("two classes with W = (1, 0) are the logistic function", "[network]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<double> network({1, {}, 2}, backend);
    network.layer(0).weights(0, 0) = 1;
    network.layer(0).weights(1, 0) = 0;
    Matrix<double> x(41, 1);
    for (index_t i = 0; i < 41; ++i) x(i, 0) = 2 * static_cast<double>(i - 20);
    Matrix<double> p(41, 2);
    network.predict(x.view(), p.view());
    for (index_t i = 0; i < 41; ++i) {
      CHECK(p(i, 0) == Approx(1 / (1 + std::exp(-x(i, 0)))).epsilon(1e-14));
      CHECK(p(i, 0) + p(i, 1) == Approx(1).epsilon(1e-15));
    }
  }
}

TEST_CASE("without last-layer weights the loss is log K", "[network]") {
  for (const auto& backend : test_backends())
    for (const index_t classes : {2, 3, 10}) {
      INFO(backend->info().name << ", " << classes << " classes");
      Network<double> network({4, {6}, classes}, backend, 7);
      zero_last_weights(network);
      const auto batch = random_batch<double>(5 * classes, 4, classes, 1);
      const BatchResult result = network.evaluate(batch.x.view(), batch.labels);
      CHECK(result.weight_sum == static_cast<double>(5 * classes));
      CHECK(result.loss_sum / result.weight_sum ==
            Approx(std::log(static_cast<double>(classes))).epsilon(1e-14));
    }
}

TEMPLATE_TEST_CASE("evaluate sums loss and correct predictions over chunks", "[network]", float,
                   double) {
  using T = TestType;
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<T> network({6, {12}, 5}, backend, 9);
    const auto batch = random_batch<T>(531, 6, 5, 3);
    std::vector<std::int32_t> predictions(531, -1);
    const BatchResult result = network.evaluate(batch.x.view(), batch.labels, predictions);
    double loss = 0;
    index_t correct = 0;
    for (std::size_t s = 0; s < 531; ++s) {
      const Reference reference(network, row(batch.x.view(), static_cast<index_t>(s)));
      loss += static_cast<double>(reference.loss(batch.labels[s]));
      correct += reference.prediction() == batch.labels[s] ? 1 : 0;
      CHECK(predictions[s] == reference.prediction());
    }
    CHECK(result.loss_sum == Approx(loss).epsilon(1e-5));
    CHECK(result.weight_sum == 531);
    CHECK(result.correct == correct);
  }
}

TEST_CASE("the loss of a confident mistake is neither infinite nor zero", "[network]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    Network<float> network({1, {}, 2}, backend);
    network.layer(0).weights(0, 0) = 1;
    network.layer(0).weights(1, 0) = -1;
    Matrix<float> x(1, 1);
    x(0, 0) = 5000;  // logits ±5000: the wrong class's probability is zero in any precision
    const std::vector<std::int32_t> wrong{1};
    CHECK(network.evaluate(x.view(), wrong).loss_sum == 10000);
    const std::vector<std::int32_t> right{0};
    CHECK(network.evaluate(x.view(), right).loss_sum == 0);
  }
}

TEST_CASE("no samples are no work", "[network]") {
  const Network<float> network({3, {4}, 2}, test_backends().front());
  network.predict({nullptr, 0, 3, 3, 1}, {nullptr, 0, 2, 2, 1});
  const BatchResult result = network.evaluate({nullptr, 0, 3, 3, 1}, {});
  CHECK(result.weight_sum == 0);
  CHECK(result.loss_sum == 0);
}

TEST_CASE("predict may be called from several threads at once", "[network]") {
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    const Network<float> network({20, {64, 32}, 10}, backend, 5);
    const auto batch = random_batch<float>(700, 20, 10, 6);
    Matrix<float> alone(700, 10);
    network.predict(batch.x.view(), alone.view());
    std::vector<Matrix<float>> together(4, Matrix<float>(700, 10));
    std::vector<std::thread> threads;
    for (Matrix<float>& p : together)
      threads.emplace_back([&] { network.predict(batch.x.view(), p.view()); });
    for (std::thread& thread : threads) thread.join();
    for (const Matrix<float>& p : together)
      CHECK(std::equal(p.values().begin(), p.values().end(), alone.values().begin()));
  }
}

TEST_CASE("initial weights follow seed and activation", "[network]") {
  const auto& backend = test_backends().front();
  const auto largest = [](const Network<double>& network, index_t l) {
    double value = 0;
    const ConstView<double> w = network.layer(l).weights;
    for (index_t i = 0; i < w.size(); ++i) value = std::max(value, std::abs(w.data[i]));
    return value;
  };
  const auto mean = [](const Network<double>& network, index_t l) {
    const ConstView<double> w = network.layer(l).weights;
    return std::accumulate(w.data, w.data + w.size(), 0.0) / static_cast<double>(w.size());
  };
  for (const auto& [name, activation] : all_activations()) {
    INFO(name);
    const Network<double> network({60, {90}, 30, activation}, backend, 42);
    const bool glorot = name == "tanh" || name == "sigmoid" || name == "identity";
    const double hidden = std::sqrt(glorot ? 6.0 / 150 : name == "selu" ? 3.0 / 60 : 6.0 / 60);
    const double output = std::sqrt(6.0 / 120);  // softmax
    CHECK(largest(network, 0) <= hidden);
    CHECK(largest(network, 0) > 0.99 * hidden);
    CHECK(largest(network, 1) <= output);
    CHECK(largest(network, 1) > 0.99 * output);
    CHECK(std::abs(mean(network, 0)) < 4 * hidden / std::sqrt(3 * 5400.0));  // 4 deviations
    for (index_t l = 0; l < 2; ++l)
      for (index_t i = 0; i < network.layer(l).bias.size; ++i) CHECK(network.layer(l).bias[i] == 0);
  }
  const NetworkSpec spec{10, {8}, 3};
  const auto zeros = parameters_of(Network<double>::zeros(spec, backend));
  CHECK(std::all_of(zeros.begin(), zeros.end(), [](double w) { return w == 0; }));
  CHECK(static_cast<index_t>(zeros.size()) == Network<double>(spec, backend).parameter_count());
  CHECK_THROWS_AS(Network<double>::zeros(spec, nullptr), ArgumentError);
  const auto weights = parameters_of(Network<double>(spec, backend, 1));
  CHECK(weights == parameters_of(Network<double>(spec, backend, 1)));
  CHECK(weights != parameters_of(Network<double>(spec, backend, 2)));
  // A later layer does not depend on the size of an earlier one, nor float on double beyond
  // rounding.
  const Network<double> wide({99, {8}, 3}, backend, 1);
  const Network<double> narrow(spec, backend, 1);
  CHECK(wide.layer(1).weights(2, 7) == narrow.layer(1).weights(2, 7));
  const Network<float> single(spec, backend, 1);
  CHECK(single.layer(0).weights(7, 9) == static_cast<float>(narrow.layer(0).weights(7, 9)));
  // Nor on the room between rows, which doubles have here and floats do not.
  const Network<double> padded({128, {}, 3}, backend, 1);
  const Network<float> dense({128, {}, 3}, backend, 1);
  CHECK(padded.layer(0).weights.row_stride > 128);
  CHECK(dense.layer(0).weights.row_stride == 128);
  CHECK(dense.layer(0).weights(2, 3) == static_cast<float>(padded.layer(0).weights(2, 3)));
}

TEST_CASE("a network moves with its parameters and views", "[network]") {
  Network<float> a({3, {5}, 2}, test_backends().front(), 8);
  const auto before = parameters_of(a);
  const float* data = a.layer(0).weights.data;
  Network<float> b(std::move(a));
  CHECK(parameters_of(b) == before);
  CHECK(b.layer(0).weights.data == data);
  Network<float> c({1, {}, 2}, test_backends().front());
  c = std::move(b);
  CHECK(parameters_of(c) == before);
  CHECK(c.parameter_count() == 3 * 5 + 5 + 5 * 2 + 2);
  CHECK(c.layers() == 2);
}

TEST_CASE("penalty is half the decay times the squared weights, without biases", "[network]") {
  Network<double> network({128, {}, 2}, test_backends().front());
  const View<double> weights = network.layer(0).weights;
  weights.data[128] = 1000;  // room between two rows
  for (index_t i = 0; i < 2; ++i)
    for (index_t j = 0; j < 128; ++j)
      weights(i, j) = j < 2 ? static_cast<double>(2 * i + j + 1) : 0;
  network.layer(0).bias[0] = 100;
  CHECK(network.penalty(0.1) == Approx(0.05 * (1 + 4 + 9 + 16)));
}

}  // namespace
}  // namespace lamella::test
