// Soak: networks are trained, on two backends with equal bits, cancelled and disturbed, and predict
// in several threads.
#include <atomic>
#include <optional>
#include <thread>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/matrix.h>
#include <lamella/trainer.h>

#include "tests/soak/operations.h"
#include "tools/conformance/compare.h"

namespace lamella::soak {
namespace {

Activation any_activation(Random& random) { return {pick(random, kActivations).kind, 0.1}; }

/// Features of bytes or floats with labels that can be learnt.
Dataset any_data(Random& random) {
  const index_t samples = uniform_int(random, 40, 400), classes = uniform_int(random, 2, 5);
  if (uniform_int(random, 0, 1) == 0)
    return make_blobs(samples, uniform_int(random, 1, 64), classes, 2, random());
  const index_t side = uniform_int(random, 2, 8);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(samples * side * side));
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  std::vector<std::int32_t> labels(static_cast<std::size_t>(samples));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<std::int32_t>(static_cast<index_t>(i) % classes);
  return {std::move(pixels), {side, side}, std::move(labels)};
}

NetworkSpec any_spec(Random& random, const Dataset& data) {
  NetworkSpec spec;
  spec.inputs = data.features();
  spec.classes = data.classes();
  for (index_t layers = uniform_int(random, 0, 3); layers > 0; --layers)
    spec.hidden.push_back(uniform_int(random, 1, 200));
  spec.activation = any_activation(random);
  return spec;
}

TrainOptions any_options(Random& random, const Dataset& data) {
  TrainOptions options;
  options.epochs = uniform_int(random, 1, 3);
  options.batch_size = uniform_int(random, 1, 128);
  options.shuffle = uniform_int(random, 0, 3) != 0;
  options.dropout = pick(random, {0.0, 0.0, 0.3});
  options.seed = random();
  if (uniform_int(random, 0, 1) == 0) {
    AdamOptions adam;
    adam.weight_decay = pick(random, {0.0, 1e-3});
    adam.decoupled_decay = uniform_int(random, 0, 1) == 0;
    options.optimizer = adam;
  } else {
    SgdOptions sgd;
    sgd.learning_rate = 0.01;
    sgd.momentum = pick(random, {0.0, 0.9});
    sgd.nesterov = sgd.momentum > 0 && uniform_int(random, 0, 1) == 0;
    sgd.weight_decay = pick(random, {0.0, 1e-3});
    options.optimizer = sgd;
  }
  if (data.sample_shape().size() == 2 && uniform_int(random, 0, 2) == 0) {
    options.augmentation.shift = 1;
    options.augmentation.flip = true;
  }
  return options;
}

template <class T>
std::vector<T> parameters(const Network<T>& network) {
  std::vector<T> all;
  for (index_t l = 0; l < network.layers(); ++l) {
    for (const T w : conformance::elements(network.layer(l).weights)) all.push_back(w);
    for (index_t i = 0; i < network.layer(l).bias.size; ++i)
      all.push_back(network.layer(l).bias[i]);
  }
  return all;
}

template <class T>
void same_bits(const std::vector<T>& a, const std::vector<T>& b, const std::string& what) {
  require(std::ranges::equal(a, b, conformance::same_bits<T>), what + ": different bits");
}

/// A training, and in words how it ended: a loss that is no longer finite is an answer, which the
/// same training gives each time.
template <class T>
std::string end_of_training(Network<T>& network, const Dataset& data, const TrainOptions& options) {
  try {
    train(network, data, nullptr, suggest_preprocessing(data), options);
    return "trained";
  } catch (const TrainingError& error) {
    return error.what();
  }
}

/// The same training on two backends.
template <class T>
void trainings(Context& context) {
  Random& random = context.random;
  const Dataset data = any_data(random);
  const NetworkSpec spec = any_spec(random, data);
  const TrainOptions options = any_options(random, data);
  const std::string isa = any_isa(random);
  std::vector<std::vector<T>> results;
  std::vector<std::string> ends;
  for (int run = 0; run < 2; ++run) {
    Network<T> network(spec, make(random, pick(random, vector_backends()), isa), options.seed);
    ends.push_back(end_of_training(network, data, options));
    results.push_back(parameters(network));
  }
  require(ends[0] == ends[1], "trainings end differently: " + ends[0] + "; " + ends[1]);
  same_bits(results[0], results[1], "trainings on " + isa);
}

/// Predictions of one network in several threads at once.
template <class T>
void threads_predict(Context& context) {
  Random& random = context.random;
  const Dataset data = any_data(random);
  const Network<T> network(any_spec(random, data), any_backend(random), random());
  const index_t samples = uniform_int(random, 1, 300);
  Matrix<T> x(samples, data.features());
  for (index_t i = 0; i < samples; ++i)
    for (index_t j = 0; j < data.features(); ++j)
      x.view()(i, j) = static_cast<T>(uniform(random, -2, 2));
  const auto predict = [&] {
    Matrix<T> p(samples, data.classes());
    network.predict(x.view(), p.view());
    return conformance::elements(p.view());
  };
  const std::vector<T> want = predict();
  std::atomic<int> different = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < 3; ++round)
        if (!std::ranges::equal(predict(), want, conformance::same_bits<T>)) ++different;
    });
  threads.clear();
  require(different == 0, "predictions in several threads: different bits");
}

struct Interruption {
  int number;
};

/// A callback throws; the same exception arrives, and the network goes on as one that was left in
/// peace does: the same training from the start gives the same bits.
template <class T>
void interrupted_trainings(Context& context) {
  Random& random = context.random;
  const Dataset data = any_data(random);
  const NetworkSpec spec = any_spec(random, data);
  const TrainOptions options = any_options(random, data);
  const Preprocessing preprocessing = suggest_preprocessing(data);
  const auto backend = any_backend(random);
  Network<T> disturbed(spec, backend, options.seed);
  const int at = static_cast<int>(uniform_int(random, 0, 20));
  int calls = 0;
  TrainCallbacks callbacks;
  const auto count = [&] {
    if (calls++ == at) throw Interruption{at};
  };
  callbacks.on_progress = [&](const Progress&) { count(); };
  callbacks.on_epoch = [&](const EpochReport&) { count(); };
  try {
    train(disturbed, data, &data, preprocessing, options, callbacks);
    require(calls <= at, "an exception of a callback was swallowed");
  } catch (const Interruption& interruption) {
    require(interruption.number == at, "another exception than the one thrown");
  } catch (const TrainingError&) {
    // Before the callback's turn: as without an interruption.
  }
  // The optimiser is reset at the start of a run; the parameters are set back here.
  Network<T> fresh(spec, backend, options.seed);
  for (index_t l = 0; l < fresh.layers(); ++l) {
    const LayerView<T> from = fresh.layer(l), to = disturbed.layer(l);
    for (index_t i = 0; i < from.weights.rows; ++i) {
      for (index_t j = 0; j < from.weights.cols; ++j) to.weights(i, j) = from.weights(i, j);
      to.bias[i] = from.bias[i];
    }
  }
  const std::string end = end_of_training(disturbed, data, options);
  require(end_of_training(fresh, data, options) == end, "a training ends differently");
  same_bits(parameters(disturbed), parameters(fresh), "training after an interruption");
}

}  // namespace

std::vector<Operation> network_operations() {
  return {{"trainings_f32", trainings<float>},
          {"trainings_f64", trainings<double>},
          {"threads_predict_f32", threads_predict<float>},
          {"threads_predict_f64", threads_predict<double>},
          {"interrupted_trainings_f32", interrupted_trainings<float>},
          {"interrupted_trainings_f64", interrupted_trainings<double>}};
}

}  // namespace lamella::soak
