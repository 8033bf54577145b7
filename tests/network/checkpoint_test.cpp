// Checkpoints: files from which a run goes on to the bits of an uninterrupted one.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>

#include <lamella/checkpoint.h>
#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/trainer.h>

#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/scratch_directory.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

const NetworkSpec kSpec{2, {8, 5}, 2, {ActivationKind::tanh}};

struct Stop {};

TrainOptions options(const Optimizer& optimizer) {
  TrainOptions o;
  o.epochs = 4;
  o.batch_size = 16;
  o.optimizer = optimizer;
  o.dropout = 0.2;
  o.augmentation.noise = 0.1;
  if (std::holds_alternative<AdamOptions>(optimizer))
    o.schedule = {CosineSchedule{}, 0.5};
  else
    o.schedule = {PlateauSchedule{.factor = 0.5, .patience = 0}, 0.5};
  o.seed = 7;
  o.early_stopping.patience = 3;
  o.keep = KeptWeights::best;
  return o;
}

ModelInfo info() {
  ModelInfo i;
  i.class_names = {"0", "1"};
  i.sample_shape = {2};
  return i;
}

template <class T>
void add_average(Network<T>& network, RunState<T>& state,
                 const std::shared_ptr<const Backend>& backend,
                 const std::optional<Averaging>& averaging) {
  if (averaging) state.average.emplace(network, backend, *averaging);
}

// Trains until the given callback, and writes a checkpoint there; false if there are fewer.
template <class T>
bool interrupted(const std::filesystem::path& path, const std::shared_ptr<const Backend>& backend,
                 const TrainData& data, const TrainOptions& o,
                 const std::optional<Averaging>& averaging, int callback) {
  Network<T> network(kSpec, backend, 1);
  RunState<T> state;
  add_average(network, state, backend, averaging);
  const auto count = [&] {
    if (--callback > 0) return;
    save_checkpoint(path, network, state, info(), {{"--epochs", "4"}, {"\xff\n\"", "\x80 \xc3"}});
    throw Stop();
  };
  TrainCallbacks callbacks;
  callbacks.on_progress = [&](const Progress&) { count(); };
  callbacks.on_epoch = [&](const EpochReport&) { count(); };
  try {
    train(network, state, data, {}, o, callbacks);
  } catch (const Stop&) {
    return true;
  }
  return false;
}

TEMPLATE_TEST_CASE("a run goes on from a checkpoint to the bits of an uninterrupted one",
                   "[checkpoint]", float, double) {
  using T = TestType;
  const ScratchDirectory directory;
  const auto path = directory.path() / "run.safetensors";
  const Dataset training = make_moons(60, 0.2, 1), validation = make_moons(50, 0.2, 2);
  const TrainData data{training, &validation, &validation};
  const auto& backend = test_backends().front();
  for (const Optimizer& optimizer :
       {Optimizer(SgdOptions{.learning_rate = 2}),
        Optimizer(SgdOptions{.learning_rate = 1, .momentum = 0.9, .nesterov = true}),
        Optimizer(AdamOptions{.learning_rate = 0.3})})
    for (const auto& averaging :
         {std::optional<Averaging>(), std::optional<Averaging>(ExponentialAverage{0.7, 3}),
          std::optional<Averaging>(EpochAverage{2})}) {
      const TrainOptions o = options(optimizer);
      Network<T> whole(kSpec, backend, 1);
      RunState<T> of_whole;
      add_average(whole, of_whole, backend, averaging);
      train(whole, of_whole, data, {}, o);
      for (int callback = 1; interrupted<T>(path, backend, data, o, averaging, callback);
           ++callback) {
        INFO("optimiser " << optimizer.index() << ", average "
                          << (averaging ? static_cast<int>(averaging->index()) : -1)
                          << ", callback " << callback);
        Checkpoint checkpoint = load_checkpoint(path, backend);
        CHECK(checkpoint.settings ==
              CheckpointSettings{{"--epochs", "4"}, {"\xff\n\"", "\x80 \xc3"}});
        CHECK(load_checkpoint_settings(path) == checkpoint.settings);
        CHECK(checkpoint.info.class_names == info().class_names);
        auto& [network, state] = std::get<InterruptedRun<T>>(checkpoint.run);

        // As a model, it is what the run would save now.
        const Model model = load_model(path, backend);
        const bool has_best = state.best.epoch > 0;
        CHECK(parameters_of(std::get<Network<T>>(model.network)) ==
              parameters_of(has_best ? *state.best_weights : state.measured(network)));

        train(network, state, data, {}, o);
        CHECK(parameters_of(network) == parameters_of(whole));
        CHECK(parameters_of(state.measured(network)) == parameters_of(of_whole.measured(whole)));
        CHECK(state.best.epoch == of_whole.best.epoch);
        CHECK(state.best.validation_loss == of_whole.best.validation_loss);
        CHECK(state.last.train_loss == of_whole.last.train_loss);
        CHECK(state.last.test_accuracy == of_whole.last.test_accuracy);
        CHECK(state.last.learning_rate == of_whole.last.learning_rate);
      }
    }
}

TEST_CASE("a checkpoint whose parameters are not finite is not written", "[checkpoint]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "run.safetensors";
  Network<float> network(kSpec, test_backends().front(), 1);
  save_checkpoint(path, network, {}, info());
  const auto size = std::filesystem::file_size(path);
  network.layer(1).bias[0] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(save_checkpoint(path, network, {}, info()), ArgumentError);
  CHECK(std::filesystem::file_size(path) == size);
  CHECK_NOTHROW(load_checkpoint(path, test_backends().front()));
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("what is no checkpoint is refused", "[checkpoint]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "run.safetensors";
  const auto& backend = test_backends().front();
  Network<float> network(kSpec, backend, 1);
  save_model(path, network, info());
  CHECK_THROWS_WITH(load_checkpoint(path, backend),
                    ContainsSubstring("a model, but no checkpoint of a run that could go on"));
  CHECK_THROWS_AS(load_checkpoint_settings(path), DataError);
  CHECK_THROWS_AS(load_checkpoint(path, nullptr), ArgumentError);

  RunState<float> state;
  state.average.emplace(network, backend, ExponentialAverage{0.5, 2});
  save_checkpoint(path, network, state, info());
  const std::string whole = content(path);
  // Replaces a part of the header by another of the same length.
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    REQUIRE(from.size() == to.size());
    std::ofstream(path, std::ios::binary) << text.replace(at, from.size(), to);
  };
  const auto refused = [&](const std::string& from, const std::string& to,
                           const std::string& what) {
    changed(from, to);
    CHECK_THROWS_WITH(load_checkpoint(path, backend), ContainsSubstring(what));
  };
  refused("run.network", "run.netwark", "tensor run.network is missing");
  refused("run.average", "run.avenger", "tensor run.average is missing");
  refused("run.network", "not.network", "tensors, where the architecture has");
  refused(R"(\"epoch\":1)", R"(\"epoch\":x)", "not JSON");
  refused(R"(\"epoch\":1)", R"(\"ebony\":1)", "run: ");
  refused(R"(\"version\":1)", R"(\"version\":2)", "version 2, where 1 can be read");
  refused(R"(\"decay\":0.5)", R"(\"decay\":9.5)", "decay is 9.5; it must be in [0, 1)");
  refused(R"(\"every\":2)", R"(\"every\":0)", "every is 0; it must be at least 1");
}

}  // namespace
}  // namespace lamella::test
