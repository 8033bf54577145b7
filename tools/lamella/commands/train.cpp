// `lamella train`: data in, a model file, a log and a summary out.
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lamella/activation.h>
#include <lamella/data_checks.h>
#include <lamella/error.h>
#include <lamella/metrics.h>
#include <lamella/model_file.h>
#include <lamella/profile.h>
#include <lamella/trainer.h>

#include "tools/lamella/commands.h"
#include "tools/lamella/io/epoch_log.h"
#include "tools/lamella/io/files.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/inputs.h"
#include "tools/lamella/io/interrupt.h"
#include "tools/lamella/io/json.h"
#include "tools/lamella/io/memory.h"
#include "tools/lamella/io/progress.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/rescue.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/io/text_table.h"
#include "tools/lamella/io/warnings.h"
#include "tools/lamella/measure/plugin_probe.h"
#include "tools/lamella/measure/training_profile.h"
#include "tools/lamella/options/averaging_options.h"
#include "tools/lamella/options/loss_options.h"
#include "tools/lamella/options/optimizer_options.h"
#include "tools/lamella/options/options.h"
#include "tools/lamella/options/schedule_options.h"

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
  ScheduleOptions schedule;
  LossOptions loss;
  AveragingOptions average;
  BackendOptions backend;
  std::filesystem::path model;
  index_t checkpoint_every = 0;  // epochs; 0: the model is written at the end alone
  std::filesystem::path log;
  bool quiet = false;
  bool json = false;
  bool profile = false;
  bool model_on_stdout = false;  // so nothing else may go there

  void add_to(CLI::App& app);
  void run();

 private:
  void check();
  DataSplit read(const Warnings& warnings) const;
};

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const NamedActivation& named : kActivations) names.emplace_back(named.name);
  return names;
}

void TrainCommand::add_to(CLI::App& app) {
  add_text(app, "--data", data, "SOURCE",
           "MNIST-style directory, .csv, X*.npy or IDX file, moons or blobs", Presence::required);
  table.add_to(app, "CSV: the labels' column, by name or index (default: the last)");
  add_choice(app, "--preprocess", preprocess, preprocessing_names(),
             "Of features; auto: scale bytes, standardize the rest");
  add_real(app, "--validation-fraction", held_out, {0, 1},
           "Fraction of the data to test on, where they have no test data");
  add_sizes(app, "--hidden", hidden, kMostUnits, "Units of the hidden layers; none for none");
  add_choice(app, "--activation", activation, activation_names(), "Of the hidden layers");
  add_choice(app, "--precision", precision, {"f32", "f64"}, "Of weights and arithmetic");
  add_integer(app, "--epochs", options.epochs, 1, kMostEpochs, "Passes over the training data");
  add_integer(app, "--batch-size", options.batch_size, 1, std::numeric_limits<index_t>::max(),
              "Samples between two updates of the weights");
  optimizer.add_to(app);
  schedule.add_to(app);
  loss.add_to(app);
  average.add_to(app);
  add_real(app, "--dropout", options.dropout, {0, 1},
           "Fraction of the hidden units that a step drops, at random");
  add_augmentation(app, options.augmentation);
  add_seed(app, "--seed", options.seed, "Of weights, shuffles, held-out and generated samples");
  backend.add_to(app);
  add_path(app, "--model", model, "Where to write the model (safetensors)");
  add_integer(app, "--checkpoint-every", checkpoint_every, 1, kMostEpochs,
              "Write --model after every N epochs too, not only at the end");
  add_path(app, "--log", log, "Where to write JSON lines, one an epoch");
  add_flag(app, "--quiet", quiet,
           "Print errors and warnings only, and what --json and --profile ask for");
  add_flag(app, "--json", json, "Print the summary as one JSON object");
  add_flag(app, "--profile", profile,
           "Print where the time of training went, by kernel and shape, against measured peaks");
}

void TrainCommand::check() {
  options.optimizer = optimizer.optimizer();
  options.schedule = schedule.schedule(options.epochs);
  options.loss = loss.loss();
  average.averaging(options.epochs);  // checks its options
  std::vector<NamedFile> files = source_files("--data", data, table.csv());
  if (!loss.sample_weights().empty()) files.push_back({"--sample-weights", loss.sample_weights()});
  check_files(files, {{"--model", model}, {"--log", log}});
  check_memory(need_of_data(files));
  if (checkpoint_every > 0 && (model.empty() || !is_replaced(model)))
    throw UsageError("--checkpoint-every needs a --model to write to, in a file");
  model_on_stdout = leads_to(model, STDOUT_FILENO);
  if (model_on_stdout && (json || profile))
    throw UsageError(formatted("--model is standard output, to which {} prints too",
                               json ? "--json" : "--profile"));
  if (leads_to(model, STDERR_FILENO))
    throw UsageError("--model is standard error too, to which progress and errors go");
}

/// A typing error in --hidden must not end in the kernel's out-of-memory killer.
void check_weights(const NetworkSpec& spec, std::size_t element_size) {
  const double bytes = size_of(spec).parameters * static_cast<double>(element_size);
  const double memory =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (memory > 0 && bytes > memory)
    throw UsageError(formatted(
        "--hidden: the weights would take {:.1f} GB, and this machine has {:.1f} GB of memory",
        bytes / 1e9, memory / 1e9));
}

/// One run of `lamella train`: what happens before the first epoch, after each batch, after each
/// epoch and at the end. Refers to the command and the data, which must outlive it.
template <class T>
class TrainingSession {
 public:
  /// Opens the log and makes the network. Throws UsageError or IoError if the network cannot fit
  /// into memory, IoError if the log cannot be opened.
  TrainingSession(const TrainCommand& command, const DataSplit& split,
                  std::shared_ptr<const Backend> backend);

  /// Trains, writes the model, and prints the summary. Throws Interrupted after a signal, IoError
  /// if model or log cannot be written, TrainingError if the loss is not finite.
  void run();

 private:
  void on_progress(const Progress& progress);
  void on_epoch(const EpochReport& report);
  void write_log(const EpochReport& report);
  void write_checkpoint(index_t epoch);

  // What is saved and measured: the average of the weights, once there is one.
  const Network<T>& result() const {
    return average_ && average_->has_begun() ? average_->network() : network_;
  }
  std::string description() const;
  std::string what_is_saved() const;
  Json summary_json(const std::vector<EpochReport>& reports) const;
  std::string summary_text(const std::vector<EpochReport>& reports) const;
  void print_summary(const std::vector<EpochReport>& reports) const;
  std::optional<Evaluation> evaluate_held_out() const;
  void warn_if_it_guesses_better(const EpochReport& last) const;

  const TrainCommand& command_;
  const DataSplit& split_;
  NetworkSpec spec_;
  EpochLog log_;
  ModelInfo info_;
  std::shared_ptr<ProfiledBackend> profiled_;  // null without --profile
  Network<T> network_;
  std::optional<WeightAverage<T>> average_;
  InterruptGuard interrupts_;
  ProgressDisplay display_;
  index_t last_checkpoint_ = 0;  // its epoch; 0: none
  std::optional<IoError> log_failure_;
};

/// The network that the command describes, for these data. Throws UsageError as check_weights(),
/// IoError as check_memory().
template <class T>
NetworkSpec network_spec(const TrainCommand& command, const Dataset& data) {
  NetworkSpec spec{data.features(), command.hidden, data.classes(),
                   Activation{*activation_by_name(command.activation)}};
  check_weights(spec, sizeof(T));
  TrainOptions options = command.options;
  options.batch_size = std::min(options.batch_size, data.samples());
  const int averages = command.average.averaging(options.epochs) ? 1 : 0;
  check_memory(need_of_training(spec, options, averages, sizeof(T)));
  return spec;
}

/// How a table must be read to predict with the model. Arrays say of what type they are.
CsvPrecision table_precision(const std::filesystem::path& source, const Dataset& data) {
  std::string ending = source.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".csv" && std::holds_alternative<std::vector<double>>(data.values())
             ? CsvPrecision::full
             : CsvPrecision::single;
}

template <class T>
TrainingSession<T>::TrainingSession(const TrainCommand& command, const DataSplit& split,
                                    std::shared_ptr<const Backend> backend)
    : command_(command),
      split_(split),
      spec_(network_spec<T>(command, split.train)),
      log_(command.log),
      info_{split.train.class_names(), split.train.sample_shape(),
            make_preprocessing(command.preprocess, split.train), split.train.columns(),
            table_precision(command.data, split.train)},
      profiled_(command.profile ? std::make_shared<ProfiledBackend>(backend) : nullptr),
      network_(spec_, profiled_ ? profiled_ : backend, command.options.seed),
      display_(command.quiet) {
  if (const auto averaging = command.average.averaging(command.options.epochs))
    average_.emplace(network_, profiled_ ? profiled_ : std::move(backend), *averaging);
}

template <class T>
void TrainingSession<T>::run() {
  display_.line(formatted("training {} on {} samples", description(), split_.train.samples()));
  log_.start();
  TrainOptions options = command_.options;
  options.batch_size = std::min(options.batch_size, split_.train.samples());
  options.class_weights = command_.loss.class_weights(split_.train);
  TrainCallbacks callbacks;
  callbacks.on_progress = [this](const Progress& progress) { on_progress(progress); };
  callbacks.on_epoch = [this](const EpochReport& report) { on_epoch(report); };
  const auto reports =
      train(network_, split_.train, split_.test ? &*split_.test : nullptr, info_.preprocessing,
            options, callbacks, average_ ? &*average_ : nullptr);

  if (!command_.model.empty())
    save_or_rescue(command_.model, [this](const auto& path) { save_model(path, result(), info_); });
  log_.close();
  warn_if_it_guesses_better(reports.back());
  print_summary(reports);
  if (log_failure_) throw IoError(*log_failure_);
}

template <class T>
void TrainingSession<T>::on_progress(const Progress& progress) {
  if (const int signal = interrupts_.pending())
    throw Interrupted(signal, formatted("stopped in epoch {} of {}, after {} of {} samples; {}",
                                        progress.epoch, progress.epochs, progress.samples_done,
                                        progress.samples, what_is_saved()));
  display_.update(progress);
  // The evaluation follows; it is not recorded. on_epoch comes after it.
  if (profiled_ && progress.samples_done == progress.samples) profiled_->set_recording(false);
}

template <class T>
void TrainingSession<T>::on_epoch(const EpochReport& report) {
  if (profiled_) profiled_->set_recording(true);
  display_.line(epoch_text(report, command_.options.epochs));
  write_log(report);
  const index_t every = command_.checkpoint_every;
  if (every > 0 && report.epoch % every == 0 && report.epoch != command_.options.epochs)
    write_checkpoint(report.epoch);
}

template <class T>
void TrainingSession<T>::write_log(const EpochReport& report) {
  try {
    log_.write(report);
  } catch (const IoError& error) {
    // Little is lost after one epoch. Later, the training is worth more than its log.
    if (report.epoch == 1) throw;
    log_failure_ = error;
    display_.warning(formatted("{}; training goes on without a log", error.what()));
  }
}

template <class T>
void TrainingSession<T>::write_checkpoint(index_t epoch) {
  try {
    save_model(command_.model, result(), info_);
    last_checkpoint_ = epoch;
  } catch (const IoError& error) {  // the file may be writable again by the end
    display_.warning(formatted("{}; training goes on without this checkpoint", error.what()));
  }
}

template <class T>
std::string TrainingSession<T>::what_is_saved() const {
  if (command_.model.empty()) return "nothing to save";
  if (last_checkpoint_ == 0) return "no model was written";
  return formatted("{} holds the model after epoch {}", command_.model.string(), last_checkpoint_);
}

template <class T>
std::string TrainingSession<T>::description() const {
  const NetworkSpec& spec = network_.spec();
  const BackendInfo& info = network_.backend().info();
  std::string layers = formatted("{}", spec.inputs);
  for (const index_t units : spec.hidden) layers += formatted("-{}", units);
  return formatted("{}-{} ({}, {}, {} parameters) with {} ({}, {} thread{})", layers, spec.classes,
                   command_.activation, command_.precision, network_.parameter_count(), info.name,
                   info.isa, info.threads, info.threads == 1 ? "" : "s");
}

/// Of training alone, over all epochs.
struct TrainingTime {
  double seconds = 0;
  double samples_per_second = 0;
};

TrainingTime training_time(const std::vector<EpochReport>& reports, index_t samples) {
  TrainingTime time;
  for (const EpochReport& report : reports) time.seconds += report.seconds;
  const auto all = static_cast<double>(samples) * static_cast<double>(reports.size());
  if (time.seconds > 0) time.samples_per_second = all / time.seconds;
  return time;
}

template <class T>
Json TrainingSession<T>::summary_json(const std::vector<EpochReport>& reports) const {
  const BackendInfo& info = network_.backend().info();
  const TrainingTime time = training_time(reports, split_.train.samples());
  Json summary = epoch_json(reports.back());
  summary.erase("epoch");
  summary["epochs"] = command_.options.epochs;
  summary["seconds"] = time.seconds;
  summary["samples_per_second"] = time.samples_per_second;
  summary["train_samples"] = split_.train.samples();
  if (split_.test) summary["test_samples"] = split_.test->samples();
  summary["parameters"] = network_.parameter_count();
  summary["precision"] = command_.precision;
  summary["seed"] = command_.options.seed;
  summary["backend"] = info.name;
  summary["isa"] = info.isa;
  summary["threads"] = info.threads;
  if (!command_.model.empty()) summary["model"] = command_.model.string();
  return summary;
}

template <class T>
std::string TrainingSession<T>::summary_text(const std::vector<EpochReport>& reports) const {
  const EpochReport& last = reports.back();
  const index_t epochs = command_.options.epochs;
  const TrainingTime time = training_time(reports, split_.train.samples());
  std::string text =
      formatted("trained for {} epoch{} in {}, {:.0f} samples/s\n", epochs, epochs == 1 ? "" : "s",
                duration(time.seconds), time.samples_per_second);
  text += formatted("train  loss {:.4f}  accuracy {:.4f}\n", last.train_loss, last.train_accuracy);
  if (last.test_loss && last.test_accuracy)
    text +=
        formatted("test   loss {:.4f}  accuracy {:.4f}\n", *last.test_loss, *last.test_accuracy);
  if (!command_.model.empty()) text += formatted("model  {}\n", command_.model.string());
  return text;
}

/// The samples that were held out are not to be had from `evaluate`, which sees the whole file.
template <class T>
std::optional<Evaluation> TrainingSession<T>::evaluate_held_out() const {
  // The summary's size is the square of the number of classes: of more, it is too long to read.
  constexpr index_t kMostClasses = 200;
  if (command_.held_out == 0 || !split_.test || spec_.classes > kMostClasses) return std::nullopt;
  if (profiled_) profiled_->set_recording(false);
  return evaluate(result(), *split_.test, info_.preprocessing);
}

/// A loss far above that of equal probabilities is finite, and yet training has failed.
template <class T>
void TrainingSession<T>::warn_if_it_guesses_better(const EpochReport& last) const {
  constexpr double kFar = 3;
  const double guessing = std::log(static_cast<double>(network_.spec().classes));
  if (last.train_loss > kFar * guessing)
    Warnings(Warnings::Which::all)
        .print(formatted("the last loss, {:.4g}, is far above that of guessing, {:.4g}; a learning "
                         "rate below {}, or features of a smaller scale, may help",
                         last.train_loss, guessing, learning_rate(command_.options.optimizer)),
               Suspicion::likely);
}

template <class T>
void TrainingSession<T>::print_summary(const std::vector<EpochReport>& reports) const {
  std::optional<TrainingProfile> profile;
  if (profiled_)
    profile = training_profile(*profiled_, training_time(reports, split_.train.samples()).seconds);
  std::optional<Evaluation> held_out;
  if (command_.json || !command_.quiet) held_out = evaluate_held_out();
  if (command_.json) {
    Json summary = summary_json(reports);
    if (held_out) summary["held_out"] = evaluation_json(*held_out, info_.class_names);
    if (profile) summary["profile"] = profile_json(*profile);
    write_stdout(to_line(summary) + "\n");
    return;
  }
  std::string text;
  if (!command_.quiet) text = summary_text(reports);
  if (held_out) text += "\nsamples held out:\n" + evaluation_text(*held_out, info_.class_names);
  if (!command_.quiet && profile) text += '\n';
  if (profile) text += profile_text(*profile);
  if (text.empty()) return;
  if (command_.model_on_stdout)
    write_stderr(text);
  else
    write_stdout(text);
}

DataSplit TrainCommand::read(const Warnings& warnings) const {
  CsvOptions csv = table.csv();
  csv.warn = [&](const std::string& text) { warnings.print(text, Suspicion::possible); };
  DataSplit split = read_data_source(data, csv, options.seed);
  if (!loss.sample_weights().empty())
    split.train = with_weights_from(loss.sample_weights(), std::move(split.train));
  require_learnable(data, split.train);
  for (const DataWarning& warning :
       data_warnings(data, split.train, split.test ? &*split.test : nullptr))
    warnings.print(warning.text, warning.suspicion);
  if (held_out > 0) {
    if (split.test)
      throw UsageError(formatted("--validation-fraction: {} has test data of its own", data));
    hold_out(split, held_out, options.seed, warnings);
  }
  return split;
}

void TrainCommand::run() {
  check();
  auto chosen = open_backend(backend.request());
  const DataSplit split = read(Warnings(quiet ? Warnings::Which::likely : Warnings::Which::all));
  const std::vector<index_t>& shape = split.train.sample_shape();
  if (options.augmentation.moves_pixels() && options.augmentation.image_shape.empty() &&
      shape.size() == 1)
    throw UsageError(
        formatted("--augment: shift, flip and rotate need images, but the samples of {} are rows "
                  "of {} values; --image-shape says how these are images",
                  data, shape[0]));
  if (precision == "f64")
    TrainingSession<double>(*this, split, std::move(chosen)).run();
  else
    TrainingSession<float>(*this, split, std::move(chosen)).run();
}

}  // namespace

Command add_train(CLI::App& app) { return make_command<TrainCommand>(app); }

}  // namespace lamella::cli
