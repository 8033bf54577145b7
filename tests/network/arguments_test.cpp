// What Network refuses, with which message; a refused call changes nothing.
#include <cmath>
#include <functional>
#include <limits>

#include <lamella/error.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// The message of the ArgumentError that `call` throws.
std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "(no exception)";
}

void check_refusal(const std::string& expected, const std::function<void()>& call) {
  const std::string message = refusal(call);
  INFO("expected: " << expected << "\nmessage:  " << message);
  CHECK(message.find(expected) != std::string::npos);
}

TEST_CASE("a network needs sensible sizes, activation and backend", "[network][checks]") {
  const auto& backend = test_backends().front();
  const auto make = [&](const NetworkSpec& spec) {
    return [&backend, spec] { Network<float>(spec, backend); };
  };
  check_refusal("NetworkSpec: inputs is 0; it must be at least 1", make({0, {3}, 2}));
  check_refusal("NetworkSpec: hidden[1] is -4", make({2, {3, -4}, 2}));
  check_refusal("NetworkSpec: classes is 0", make({2, {3}, 0}));
  check_refusal("NetworkSpec: the slope of leaky_relu is -1",
                make({2, {3}, 2, {ActivationKind::leaky_relu, -1}}));
  check_refusal("NetworkSpec: activation kind 99",
                make({2, {3}, 2, {static_cast<ActivationKind>(99)}}));
  check_refusal("too large for the address space",
                make({std::numeric_limits<index_t>::max() / 2, {3}, 2}));
  check_refusal("AlignedArray", make({std::numeric_limits<index_t>::max() / 8, {3}, 2}));
  check_refusal("the backend is null", [] { Network<double>({2, {3}, 2}, nullptr); });
  const Network<float> network({2, {3}, 2}, backend);
  check_refusal("there is no layer 2; there are 2", [&] { network.layer(2); });
  check_refusal("there is no layer -1", [&] { network.layer(-1); });
}

TEST_CASE("predict and evaluate refuse what does not fit", "[network][checks]") {
  const Network<double> network({3, {4}, 2}, test_backends().front());
  Matrix<double> x(5, 3);
  Matrix<double> p(5, 2);
  Matrix<double> narrow(5, 2);
  check_refusal("Network::predict: x is 5 x 2 but the network has 3 inputs",
                [&] { network.predict(narrow.view(), p.view()); });
  check_refusal("Network::predict: x is null", [&] {
    network.predict({nullptr, 5, 3, 3, 1}, p.view());
  });
  check_refusal("Network::predict: probabilities is 5 x 3; it needs to be 5 x 2",
                [&] { network.predict(x.view(), Matrix<double>(5, 3).view()); });
  check_refusal("Network::predict: probabilities is null", [&] {
    network.predict(x.view(), {nullptr, 5, 2, 2, 1});
  });
  check_refusal("no two elements may share an address", [&] {
    network.predict(x.view(), {p.data(), 5, 2, 0, 1});
  });
  check_refusal("Network::predict: probabilities overlaps x", [&] {
    network.predict(x.view(), {x.data(), 5, 2, 3, 1});
  });

  std::vector<std::int32_t> labels{0, 1, 0, 1, 2};
  check_refusal("Network::evaluate: label 2 of sample 4 is out of range",
                [&] { network.evaluate(x.view(), labels); });
  labels.pop_back();
  check_refusal("Network::evaluate: there are 4 labels for 5 samples",
                [&] { network.evaluate(x.view(), labels); });
  labels.push_back(0);
  std::vector<std::int32_t> predictions(3);
  check_refusal("Network::evaluate: there is room for 3 predictions of 5 samples",
                [&] { network.evaluate(x.view(), labels, predictions); });
}

TEST_CASE("batch_input refuses batches that cannot be", "[network][checks]") {
  Network<float> network({3, {4}, 2}, test_backends().front());
  check_refusal("a mini-batch of 0 samples", [&] { network.batch_input(0); });
  check_refusal("a mini-batch of -7 samples", [&] { network.batch_input(-7); });
  check_refusal("too large for the address space",
                [&] { network.batch_input(std::numeric_limits<index_t>::max() / 4); });
  check_refusal("too large", [&] { network.batch_input(std::numeric_limits<index_t>::max()); });
  CHECK(network.batch_input(2).rows == 2);
}

TEST_CASE("train_batch refuses bad batches and options, and changes nothing", "[network][checks]") {
  Network<double> network({3, {4}, 2}, test_backends().front());
  check_refusal("Network::train_batch: there is no mini-batch",
                [&] { network.train_batch(std::vector<std::int32_t>{0}, {}, {}); });
  const auto batch = random_batch<double>(4, 3, 2, 1);
  copy<double>(batch.x.view(), network.batch_input(4));
  const auto before = parameters_of(network);

  const auto train = [&](std::vector<std::int32_t> labels, std::vector<double> weights,
                         Optimizer options = {}) {
    return [&network, labels, weights, options] { network.train_batch(labels, weights, options); };
  };
  const std::vector<std::int32_t> good{0, 1, 0, 1};
  check_refusal("there are 3 labels but batch_input was called for 4 samples",
                train({0, 1, 0}, {}));
  check_refusal("label 2 of sample 1 is out of range; there are 2 classes, from 0 to 1",
                train({0, 2, 0, 1}, {}));
  check_refusal("label -1 of sample 3", train({0, 1, 0, -1}, {}));
  check_refusal("there are 2 weights but", train(good, {1, 1}));
  check_refusal("the weight of sample 2 is -1", train(good, {1, 1, -1, 1}));
  check_refusal("the weight of sample 0 is nan", train(good, {kNan, 1, 1, 1}));
  check_refusal("the weight of sample 0 is inf", train(good, {kInf, 1, 1, 1}));
  check_refusal("all weights are zero", train(good, {0, 0, 0, 0}));

  const auto options = [](double rate, double momentum, double decay, bool nesterov) {
    SgdOptions o;
    o.learning_rate = rate;
    o.momentum = momentum;
    o.weight_decay = decay;
    o.nesterov = nesterov;
    return o;
  };
  check_refusal("learning_rate is 0", train(good, {}, options(0, 0, 0, false)));
  check_refusal("learning_rate is -0.1", train(good, {}, options(-0.1, 0, 0, false)));
  check_refusal("learning_rate is nan", train(good, {}, options(kNan, 0, 0, false)));
  check_refusal("learning_rate is inf", train(good, {}, options(kInf, 0, 0, false)));
  check_refusal("momentum is 1;", train(good, {}, options(0.1, 1, 0, false)));
  check_refusal("momentum is -0.5", train(good, {}, options(0.1, -0.5, 0, false)));
  check_refusal("momentum is nan", train(good, {}, options(0.1, kNan, 0, false)));
  check_refusal("weight_decay is -1", train(good, {}, options(0.1, 0, -1, false)));
  check_refusal("weight_decay is nan", train(good, {}, options(0.1, 0, kNan, false)));
  check_refusal("nesterov is set but momentum is 0", train(good, {}, options(0.1, 0, 0, true)));

  const auto adam = [&](auto member, double value) {
    AdamOptions o;
    o.*member = value;
    return train(good, {}, o);
  };
  for (const double rate : {0.0, -0.1, kNan, kInf})
    check_refusal("AdamOptions: learning_rate is", adam(&AdamOptions::learning_rate, rate));
  for (const double beta : {1.0, -0.1, kNan, kInf}) {
    check_refusal("AdamOptions: beta1 is", adam(&AdamOptions::beta1, beta));
    check_refusal("AdamOptions: beta2 is", adam(&AdamOptions::beta2, beta));
  }
  for (const double epsilon : {0.0, -1e-8, 1e-31, kNan, kInf})
    check_refusal("AdamOptions: epsilon is", adam(&AdamOptions::epsilon, epsilon));
  for (const double decay : {-1.0, kNan, kInf})
    check_refusal("AdamOptions: weight_decay is", adam(&AdamOptions::weight_decay, decay));
  AdamOptions too_much;
  too_much.learning_rate = 0.5;
  too_much.weight_decay = 2.5;
  too_much.decoupled_decay = true;
  check_refusal("their product must be at most 1", train(good, {}, too_much));
  CHECK(parameters_of(network) == before);
  CHECK(refusal(train(good, {})) == "(no exception)");
  CHECK(parameters_of(network) != before);
}

TEST_CASE("gradient refuses memory that does not fit", "[network][checks]") {
  Network<double> network({3, {4}, 2}, test_backends().front());
  const auto batch = random_batch<double>(4, 3, 2, 1);
  copy<double>(batch.x.view(), network.batch_input(4));
  const Gradients<double> gradients(network);
  const auto gradient = [&](std::vector<LayerView<double>> views, double decay = 0) {
    return [&network, &batch, views, decay] { network.gradient(batch.labels, {}, decay, views); };
  };
  const std::vector<LayerView<double>> good(gradients.views().begin(), gradients.views().end());
  const auto before = parameters_of(network);
  check_refusal("gradients of 1 layers are given but the network has 2", gradient({good[0]}));
  check_refusal("the gradient of layer 0 is 2 x 4 and 2 biases; it needs to be 4 x 3 and 4",
                gradient({good[1], good[0]}));
  check_refusal("the gradient of layer 1 overlaps another gradient or the parameters",
                gradient({good[0], network.layer(1)}));
  check_refusal("the gradient of layer 0 overlaps",
                gradient({{good[0].weights, column(good[0].weights, 1)}, good[1]}));
  auto null_bias = good;
  null_bias[1].bias.data = nullptr;
  check_refusal("gradients[1].bias is null", gradient(null_bias));
  check_refusal("weight_decay is -1", gradient(good, -1));
  CHECK(refusal(gradient(good)) == "(no exception)");
  CHECK(parameters_of(network) == before);
}

}  // namespace
}  // namespace lamella::test
