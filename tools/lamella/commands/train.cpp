// `lamella train`: data in, a model file, a log and a summary out.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <lamella/error.h>
#include <lamella/model_file.h>
#include <lamella/profile.h>
#include <lamella/trainer.h>

#include "tools/lamella/commands.h"
#include "tools/lamella/io/epoch_log.h"
#include "tools/lamella/io/inputs.h"
#include "tools/lamella/io/interrupt.h"
#include "tools/lamella/io/progress.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/io/text.h"
#include "tools/lamella/measure/profile.h"
#include "tools/lamella/options/optimizer_options.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

constexpr index_t kMostUnits = 1'000'000;
constexpr index_t kMostEpochs = 1'000'000'000;

struct TrainCommand {
  std::string data;
  TableOptions table;
  std::string preprocess = preprocessing_names().front();
  double held_out = 0;
  std::vector<index_t> hidden{512, 256};
  std::string activation = "relu";
  std::string precision = "f32";
  TrainOptions options;
  OptimizerOptions optimizer;
  BackendOptions backend;
  std::filesystem::path model;
  index_t checkpoint_every = 0;  // epochs; 0: the model is written at the end alone
  std::filesystem::path log;
  bool quiet = false;
  bool json = false;
  bool profile = false;

  void add_to(CLI::App& app);
  void run();

 private:
  void check();
  template <class T>
  void train_as(const DataSplit& split, std::shared_ptr<const Backend> kernels);
  template <class T>
  std::string describe(const Network<T>& network) const;
  template <class T>
  void print_summary(const Network<T>& network, const DataSplit& split,
                     const std::vector<EpochReport>& reports,
                     const std::shared_ptr<const ProfiledBackend>& profiled) const;
};

void TrainCommand::add_to(CLI::App& app) {
  add_text(app, "--data", data, "SOURCE",
           "MNIST-style directory, .csv, X*.npy or IDX file, moons or blobs", Presence::required);
  table.add_to(app, "CSV: the labels' column, by name or index (default: the last)");
  add_choice(app, "--preprocess", preprocess, preprocessing_names(),
             "Of features; auto: scale bytes, standardize the rest");
  add_real(app, "--validation-fraction", held_out, {0, 1},
           "Part of the data to test on, where they have no test data");
  add_sizes(app, "--hidden", hidden, kMostUnits, "Units of the hidden layers; none for none");
  add_choice(app, "--activation", activation, {"relu", "leaky_relu", "tanh", "sigmoid", "identity"},
             "Of the hidden layers");
  add_choice(app, "--precision", precision, {"f32", "f64"}, "Of weights and arithmetic");
  add_integer(app, "--epochs", options.epochs, 1, kMostEpochs, "Passes over the training data");
  add_integer(app, "--batch-size", options.batch_size, 1, std::numeric_limits<index_t>::max(),
              "Samples between two updates of the weights");
  optimizer.add_to(app);
  add_real(app, "--dropout", options.dropout, {0, 1},
           "Part of the hidden units that a step leaves out, at random");
  add_augmentation(app, options.augmentation);
  add_seed(app, "--seed", options.seed, "Of weights, shuffles, held-out and generated samples");
  backend.add_to(app);
  add_path(app, "--model", model, "Where to write the model (safetensors)");
  add_integer(app, "--checkpoint-every", checkpoint_every, 1, kMostEpochs,
              "Write --model after every N epochs too, not only at the end");
  add_path(app, "--log", log, "Where to write JSON lines, one an epoch");
  add_flag(app, "--quiet", quiet, "Print errors only, and what --json and --profile ask for");
  add_flag(app, "--json", json, "Print the summary as one JSON object");
  add_flag(app, "--profile", profile,
           "Print where the time of training went, by kernel and shape, against measured peaks");
}

void TrainCommand::check() {
  options.optimizer = optimizer.optimizer();
  const auto differ = [](const char* option, const std::filesystem::path& path,
                         const char* other_option, const std::filesystem::path& other) {
    if (!path.empty() && !other.empty() && same_file(path, other))
      throw UsageError(
          fmt::format("{} and {} name the same file, {}", option, other_option, path.string()));
  };
  differ("--model", model, "--log", log);
  differ("--model", model, "--data", data);
  differ("--log", log, "--data", data);
  if (!model.empty()) check_file_target(model);
  if (checkpoint_every > 0 && model.empty())
    throw UsageError("--checkpoint-every needs a --model to write to");
}

void TrainCommand::run() {
  check();
  const auto kernels = make_backend(backend.request());
  DataSplit split = load_data(data, table.csv(), options.seed);
  if (held_out > 0) {
    if (split.test)
      throw UsageError(fmt::format("--validation-fraction: {} has test data of its own", data));
    hold_out(split, held_out, options.seed);
  }
  const std::vector<index_t>& shape = split.train.sample_shape();
  if (options.augmentation.moves_pixels() && options.augmentation.image_shape.empty() &&
      shape.size() == 1)
    throw UsageError(
        fmt::format("--augment: shift, flip and rotate need images, but the samples of {} are rows "
                    "of {} values; --image-shape says how these are images",
                    data, shape[0]));
  if (precision == "f64")
    train_as<double>(split, kernels);
  else
    train_as<float>(split, kernels);
}

ActivationKind activation_kind(const std::string& name) {
  if (name == "relu") return ActivationKind::relu;
  if (name == "leaky_relu") return ActivationKind::leaky_relu;
  if (name == "tanh") return ActivationKind::tanh;
  if (name == "sigmoid") return ActivationKind::sigmoid;
  return ActivationKind::identity;
}

/// A typing error in --hidden must not end in the kernel's out-of-memory killer.
void check_memory(const NetworkSpec& spec, std::size_t element_size) {
  double parameters = 0;
  index_t inputs = spec.inputs;
  for (const index_t units : spec.hidden) {
    parameters += (static_cast<double>(inputs) + 1) * static_cast<double>(units);
    inputs = units;
  }
  parameters += (static_cast<double>(inputs) + 1) * static_cast<double>(spec.classes);
  const double bytes = parameters * static_cast<double>(element_size);
  const double memory =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (memory > 0 && bytes > memory)
    throw UsageError(fmt::format(
        "--hidden: the weights would take {:.1f} GB, and this machine has {:.1f} GB of memory",
        bytes / 1e9, memory / 1e9));
}

template <class T>
void TrainCommand::train_as(const DataSplit& split, std::shared_ptr<const Backend> kernels) {
  const NetworkSpec spec{split.train.features(), hidden, split.train.classes(),
                         Activation{activation_kind(activation)}};
  check_memory(spec, sizeof(T));
  EpochLog epoch_log(log);
  const Preprocessing preprocessing = make_preprocessing(preprocess, split.train);
  const auto profiled = profile ? std::make_shared<ProfiledBackend>(kernels) : nullptr;
  if (profiled) kernels = profiled;
  Network<T> network(spec, std::move(kernels), options.seed);
  const Dataset* test = split.test ? &*split.test : nullptr;

  const InterruptGuard interrupts;
  ProgressDisplay display(quiet);
  display.line(fmt::format("training {} on {} samples", describe(network), split.train.samples()));
  epoch_log.start();
  const ModelInfo info{split.train.class_names(), split.train.sample_shape(), preprocessing};
  index_t last_checkpoint = 0;  // epoch; 0: none
  TrainCallbacks callbacks;
  callbacks.on_progress = [&](const Progress& progress) {
    if (const int signal = interrupts.pending())
      throw Interrupted(
          signal,
          fmt::format("stopped in epoch {} of {}, after {} of {} samples; {}", progress.epoch,
                      progress.epochs, progress.samples_done, progress.samples,
                      model.empty()          ? "nothing to save"
                      : last_checkpoint == 0 ? "no model was written"
                                             : fmt::format("{} holds the model after epoch {}",
                                                           model.string(), last_checkpoint)));
    display.update(progress);
    // What follows is the evaluation, until on_epoch.
    if (profiled && progress.samples_done == progress.samples) profiled->set_recording(false);
  };
  std::optional<IoError> log_failure;
  callbacks.on_epoch = [&](const EpochReport& report) {
    if (profiled) profiled->set_recording(true);
    display.line(epoch_text(report, options.epochs));
    try {
      epoch_log.write(report);
    } catch (const IoError& error) {
      // Little is lost after one epoch. Later, the training is worth more than its log.
      if (report.epoch == 1) throw;
      log_failure = error;
      display.line(fmt::format("lamella: {}; training goes on without a log", error.what()));
    }
    if (checkpoint_every == 0 || report.epoch % checkpoint_every != 0 ||
        report.epoch == options.epochs)
      return;
    try {
      save_model(model, network, info);
      last_checkpoint = report.epoch;
    } catch (const IoError& error) {  // the file may be writable again by the end
      display.line(
          fmt::format("lamella: {}; training goes on without this checkpoint", error.what()));
    }
  };
  TrainOptions run_options = options;
  run_options.batch_size = std::min(options.batch_size, split.train.samples());
  const auto reports = train(network, split.train, test, preprocessing, run_options, callbacks);

  if (!model.empty()) save_model(model, network, info);
  epoch_log.close();
  print_summary(network, split, reports, profiled);
  if (log_failure) throw *log_failure;
}

template <class T>
std::string TrainCommand::describe(const Network<T>& network) const {
  const NetworkSpec& spec = network.spec();
  const BackendInfo& info = network.backend().info();
  std::string layers = fmt::to_string(spec.inputs);
  for (const index_t units : spec.hidden) layers += fmt::format("-{}", units);
  return fmt::format("{}-{} ({}, {}, {} parameters) with {} ({}, {} thread{})", layers,
                     spec.classes, activation, precision, network.parameter_count(), info.name,
                     info.isa, info.threads, info.threads == 1 ? "" : "s");
}

template <class T>
void TrainCommand::print_summary(const Network<T>& network, const DataSplit& split,
                                 const std::vector<EpochReport>& reports,
                                 const std::shared_ptr<const ProfiledBackend>& profiled) const {
  const EpochReport& last = reports.back();
  double seconds = 0;
  for (const EpochReport& report : reports) seconds += report.seconds;
  const double samples = static_cast<double>(split.train.samples() * options.epochs);
  const double rate = seconds > 0 ? samples / seconds : 0;
  std::optional<TrainingProfile> times;
  if (profiled) times = training_profile(*profiled, seconds);
  if (json) {
    const BackendInfo& info = network.backend().info();
    nlohmann::ordered_json summary = epoch_json(last);
    summary.erase("epoch");
    summary["epochs"] = options.epochs;
    summary["seconds"] = seconds;
    summary["samples_per_second"] = rate;
    summary["train_samples"] = split.train.samples();
    if (split.test) summary["test_samples"] = split.test->samples();
    summary["parameters"] = network.parameter_count();
    summary["precision"] = precision;
    summary["seed"] = options.seed;
    summary["backend"] = info.name;
    summary["isa"] = info.isa;
    summary["threads"] = info.threads;
    if (!model.empty()) summary["model"] = model.string();
    if (times) summary["profile"] = profile_json(*times);
    write_stdout(to_line(summary) + "\n");
    return;
  }
  std::string text;
  if (!quiet) {
    text = fmt::format("trained for {} epoch{} in {}, {:.0f} samples/s\n", options.epochs,
                       options.epochs == 1 ? "" : "s", duration(seconds), rate);
    text +=
        fmt::format("train  loss {:.4f}  accuracy {:.4f}\n", last.train_loss, last.train_accuracy);
    if (last.test_loss && last.test_accuracy)
      text += fmt::format("test   loss {:.4f}  accuracy {:.4f}\n", *last.test_loss,
                          *last.test_accuracy);
    if (!model.empty()) text += fmt::format("model  {}\n", model.string());
  }
  if (!quiet && times) text += '\n';
  if (times) text += profile_text(*times);
  if (!text.empty()) write_stdout(text);
}

}  // namespace

Command add_train(CLI::App& app) {
  const auto command = std::make_shared<TrainCommand>();
  command->add_to(app);
  return [command] { command->run(); };
}

}  // namespace lamella::cli
