// `lamella train`: options to settings, and settings to data and a run.
#include <limits>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>

#include <lamella/activation.h>
#include <lamella/data_checks.h>
#include <lamella/error.h>
#include <lamella/normalization.h>

#include "tools/lamella/commands.h"
#include "tools/lamella/commands/train_command.h"
#include "tools/lamella/commands/training_session.h"
#include "tools/lamella/io/files.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/memory.h"
#include "tools/lamella/measure/plugin_probe.h"
#include "tools/lamella/options/resume_options.h"

namespace lamella::cli {
namespace {

constexpr index_t kMostUnits = 1'000'000;
constexpr index_t kMostEpochs = 1'000'000'000;

/// The names of a table such as kActivations.
template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& named : table) names.emplace_back(named.name);
  return names;
}

}  // namespace

void TrainCommand::add_to(CLI::App& app) {
  app_ = &app;
  add_text(app, "--data", data, "SOURCE (required)",
           "MNIST-style directory, .csv, X*.npy or IDX file, moons or blobs");
  table.add_to(app, "CSV: the labels' column, by name or index (default: the last)");
  add_choice(app, "--preprocess", preprocess, preprocessing_names(),
             "Of features; auto: scale bytes, standardize the rest");
  add_real(app, "--validation-fraction", held_out, {0, 1},
           "Fraction of the training data to hold out, for decisions or else for a test");
  add_sizes(app, "--hidden", hidden, kMostUnits, "Units of the hidden layers; none for none");
  add_choice(app, "--activation", activation, names_of(kActivations), "Of the hidden layers");
  add_choice(app, "--normalization", normalization, names_of(kNormalizations),
             "Of the hidden layers, before the activation");
  add_choice(app, "--initialization", initialization, names_of(kInitializations),
             "What weights and biases begin with");
  add_choice(app, "--precision", precision, {"f32", "f64"}, "Of weights and arithmetic");
  add_integer(app, "--epochs", options.epochs, 1, kMostEpochs, "Passes over the training data");
  add_integer(app, "--batch-size", options.batch_size, 1, std::numeric_limits<index_t>::max(),
              "Samples between two updates of the weights");
  optimizer.add_to(app);
  schedule.add_to(app);
  loss.add_to(app);
  average.add_to(app);
  stopping.add_to(app);
  add_real(app, "--l1", options.regularization.l1, {},
           "Factor of the L1 penalty, which makes weights zero");
  add_real(app, "--max-norm", options.regularization.max_norm, {},
           "Largest norm of the weights into a hidden unit; 0: any");
  add_dropout(app, options);
  add_augmentation(app, options.augmentation);
  add_seed(app, "--seed", options.seed, "Of weights, shuffles, held-out and generated samples");
  backend.add_to(app);
  add_path(app, "--model", model, "Where to write the model (safetensors)");
  add_integer(app, "--checkpoint-every", checkpoint_every, 1, kMostEpochs,
              "Write a checkpoint to --model after every N epochs");
  add_real(app, "--checkpoint-minutes", checkpoint_minutes, {.low_included = false},
           "Write a checkpoint to --model every X minutes", "");
  add_path(app, "--resume", resume,
           "Go on with the run of this checkpoint, with its options and data");
  add_path(app, "--log", log, "Where to write JSON lines, one an epoch");
  add_flag(app, "--quiet", quiet,
           "Print errors and warnings only, and what --json and --profile ask for");
  add_flag(app, "--json", json, "Print the summary as one JSON object");
  add_flag(app, "--profile", profile,
           "Print where the time of training went, by kernel and shape, against measured peaks");
}

void TrainCommand::check() {
  if (data.empty()) throw UsageError("--data is required");
  options.optimizer = optimizer.optimizer();
  options.schedule = schedule.schedule(options.epochs);
  options.loss = loss.loss();
  average.averaging(options.epochs);  // checks its options
  stopping.check(schedule.decides());
  options.monitor = stopping.monitor();
  options.early_stopping = stopping.early_stopping();
  options.keep = stopping.keep();
  if (decides() && held_out == 0)
    throw UsageError(
        "--patience, --keep best and --schedule plateau need samples to decide on: "
        "--validation-fraction 0.1 would hold out a tenth of the training data");
  if (!options.hidden_dropout.empty() && options.hidden_dropout.size() != hidden.size())
    throw UsageError(
        formatted("--dropout: {} rates for {} hidden layers; one for each, or one for all",
                  options.hidden_dropout.size(), hidden.size()));
  std::vector<NamedFile> files = source_files("--data", data, table.csv());
  if (!loss.sample_weights().empty()) files.push_back({"--sample-weights", loss.sample_weights()});
  if (resume != model) files.push_back({"--resume", resume});
  check_files(files, {{"--model", model}, {"--log", log}});
  check_memory(need_of_data(files));
  if ((checkpoint_every > 0 || checkpoint_minutes) && (model.empty() || !is_replaced(model)))
    throw UsageError(
        formatted("{} needs a --model to write to, in a file",
                  checkpoint_every > 0 ? "--checkpoint-every" : "--checkpoint-minutes"));
  model_on_stdout = leads_to(model, STDOUT_FILENO);
  if (model_on_stdout && (json || profile))
    throw UsageError(formatted("--model is standard output, to which {} prints too",
                               json ? "--json" : "--profile"));
  if (leads_to(model, STDERR_FILENO))
    throw UsageError("--model is standard error too, to which progress and errors go");
}

TrainingData TrainCommand::read(const Warnings& warnings) const {
  CsvOptions csv = table.csv();
  csv.warn = [&](const std::string& text) { warnings.print(text, Suspicion::possible); };
  DataSplit source = read_data_source(data, csv, options.seed);
  TrainingData result{std::move(source.train), std::nullopt, std::move(source.test)};
  if (!loss.sample_weights().empty())
    result.train = with_weights_from(loss.sample_weights(), std::move(result.train));
  require_learnable(data, result.train);
  for (const DataWarning& warning :
       data_warnings(data, result.train, result.test ? &*result.test : nullptr))
    warnings.print(warning.text, warning.suspicion);
  if (held_out == 0) return result;
  if (decides() || result.test)
    result.validation =
        hold_out(result.train, held_out, options.seed, HoldOut::stratified, warnings);
  else
    result.test = hold_out(result.train, held_out, options.seed, HoldOut::random, warnings);
  return result;
}

void TrainCommand::run() {
  if (resume.empty()) return start();
  // The options of the run so far, with those of this command.
  CLI::App app;
  TrainCommand resumed;
  resumed.add_to(app);
  parse_resumed(app, resume, load_checkpoint_settings(resume), *app_);
  resumed.resume = resume;
  if (resumed.model.empty()) resumed.model = resume;
  resumed.start();
}

void TrainCommand::start() {
  settings = options_to_store(*app_);
  check();
  auto chosen = open_backend(backend.request());
  const TrainingData split = read(Warnings(quiet ? Warnings::Which::likely : Warnings::Which::all));
  const std::vector<index_t>& shape = split.train.sample_shape();
  if (options.augmentation.moves_pixels() && options.augmentation.image_shape.empty() &&
      shape.size() == 1)
    throw UsageError(
        formatted("--augment: all changes but noise need images, but the samples of {} are rows "
                  "of {} values; --image-shape says how these are images",
                  data, shape[0]));
  if (precision == "f64")
    TrainingSession<double>(*this, split, std::move(chosen)).run();
  else
    TrainingSession<float>(*this, split, std::move(chosen)).run();
}

Command add_train(CLI::App& app) { return make_command<TrainCommand>(app); }

}  // namespace lamella::cli
