// What happens before, during and after the epochs of one `lamella train`.
#include "tools/lamella/commands/training_session.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <ratio>
#include <system_error>
#include <utility>

#include "tools/lamella/commands/training_summary.h"
#include "tools/lamella/io/files.h"
#include "tools/lamella/io/fingerprint.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/memory.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/rescue.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/measure/training_profile.h"

namespace lamella::cli {
namespace {

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

/// The network that the command describes, for these data. Throws UsageError as check_weights(),
/// IoError as check_memory().
template <class T>
NetworkSpec network_spec(const TrainCommand& command, const Dataset& data) {
  NetworkSpec spec{data.features(), command.hidden, data.classes(),
                   Activation{*activation_by_name(command.activation)},
                   *normalization_by_name(command.normalization)};
  check_weights(spec, sizeof(T));
  TrainOptions options = command.options;
  options.batch_size = std::min(options.batch_size, data.samples());
  const int averages = command.average.averaging(options.epochs) ? 1 : 0;
  const int best_ones = options.keep == KeptWeights::best ? 1 : 0;
  check_memory(need_of_training(spec, options, averages + best_ones, sizeof(T)));
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

// Settings of a checkpoint beside options.
constexpr const char* kData = "data";
constexpr const char* kArithmetic = "arithmetic";

/// An older model is not lost to an interruption: unless checkpoints in its place were asked for,
/// they go to a file beside it.
std::filesystem::path checkpoint_path(const TrainCommand& command) {
  const bool asked_for = command.checkpoint_every > 0 || command.checkpoint_minutes;
  std::error_code error;
  if (asked_for || command.model == command.resume ||
      !std::filesystem::exists(command.model, error))
    return command.model;
  std::filesystem::path beside = command.model;
  beside += ".checkpoint";
  return beside;
}

/// What the bits of results depend on.
std::string arithmetic(const BackendInfo& backend) {
  const bool shares_kernels =
      backend.name == "simd" || backend.name == "openmp" || backend.name == "tbb";
  return shares_kernels ? backend.isa : formatted("{} ({})", backend.name, backend.isa);
}

}  // namespace

template <class T>
TrainingSession<T>::TrainingSession(const TrainCommand& command, const TrainingData& data,
                                    std::shared_ptr<const Backend> backend)
    : command_(command),
      data_(data),
      spec_(network_spec<T>(command, data.train)),
      checkpoint_path_(checkpoint_path(command)),
      log_(command.log),
      info_{data.train.class_names(), data.train.sample_shape(),
            make_preprocessing(command.preprocess, data.train), data.train.columns(),
            table_precision(command.data, data.train)},
      profiled_(command.profile ? std::make_shared<ProfiledBackend>(backend) : nullptr),
      network_(spec_, profiled_ ? profiled_ : backend, command.options.seed,
               *initialization_by_name(command.initialization)),
      display_(command.quiet) {
  if (const auto averaging = command.average.averaging(command.options.epochs))
    state_.average.emplace(network_, profiled_ ? profiled_ : backend, *averaging);
  settings_ = command.settings;
  settings_[kArithmetic] = arithmetic(backend->info());
  if (!command.resume.empty()) resume(profiled_ ? profiled_ : std::move(backend));
}

template <class T>
void TrainingSession<T>::resume(std::shared_ptr<const Backend> backend) {
  Checkpoint checkpoint = load_checkpoint(command_.resume, std::move(backend));
  auto* const run = std::get_if<InterruptedRun<T>>(&checkpoint.run);
  settings_[kData] = fingerprint(data_);
  if (const std::string& before = checkpoint.settings[kData]; before != settings_[kData])
    throw DataError(formatted("{}: the run has other data, {}, than {}, {}",
                              command_.resume.string(), before, command_.data, settings_[kData]));
  if (run == nullptr || run->network.spec() != spec_)
    throw DataError(formatted("{}: the network is not the one that the options of the run describe",
                              command_.resume.string()));
  if (const std::string& before = checkpoint.settings[kArithmetic];
      before != settings_[kArithmetic])
    display_.warning(
        formatted("the run so far was computed with {}, and goes on with {}: the "
                  "result has other bits than without the interruption",
                  before, settings_[kArithmetic]));
  network_ = std::move(run->network);
  state_ = std::move(run->state);
  if (command_.model == command_.resume) last_checkpoint_ = position();
}

template <class T>
void TrainingSession<T>::run() {
  display_.line(formatted("training {} on {} samples", description(), data_.train.samples()));
  if (!command_.resume.empty()) display_.line(formatted("going on {}", position()));
  log_.start(state_.last.epoch);
  last_checkpoint_time_ = std::chrono::steady_clock::now();
  TrainOptions options = command_.options;
  options.batch_size = std::min(options.batch_size, data_.train.samples());
  options.class_weights = command_.loss.class_weights(data_.train);
  TrainCallbacks callbacks;
  callbacks.on_progress = [this](const Progress& progress) { on_progress(progress); };
  callbacks.on_epoch = [this](const EpochReport& report) { on_epoch(report); };
  const auto pointer = [](const auto& data) { return data ? &*data : nullptr; };
  std::vector<EpochReport> reports;
  try {
    reports = train(network_, state_, {data_.train, pointer(data_.validation), pointer(data_.test)},
                    info_.preprocessing, options, callbacks);
  } catch (const TrainingError& error) {
    if (last_checkpoint_.empty()) throw;
    throw TrainingError(formatted("{}; {}", error.what(), what_is_saved()));
  }

  if (!command_.model.empty())
    save_or_rescue(command_.model, [this](const auto& path) { save_model(path, result(), info_); });
  log_.close();
  warn_if_it_guesses_better();
  print_summary(reports);
  if (log_failure_) throw IoError(*log_failure_);
}

template <class T>
void TrainingSession<T>::on_progress(const Progress& progress) {
  if (const int signal = interrupts_.pending()) {
    write_checkpoint();
    throw Interrupted(signal, formatted("stopped in epoch {} of {}, after {} of {} samples; {}",
                                        progress.epoch, progress.epochs, progress.samples_done,
                                        progress.samples, what_is_saved()));
  }
  if (command_.checkpoint_minutes) {
    const std::chrono::duration<double, std::ratio<60>> minutes =
        std::chrono::steady_clock::now() - last_checkpoint_time_;
    if (minutes.count() >= *command_.checkpoint_minutes) write_checkpoint();
  }
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
    write_checkpoint();
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
void TrainingSession<T>::write_checkpoint() {
  if (command_.model.empty()) return;
  if (settings_[kData].empty()) settings_[kData] = fingerprint(data_);
  last_checkpoint_time_ = std::chrono::steady_clock::now();
  try {
    if (!is_replaced(checkpoint_path_)) return;
    save_checkpoint(checkpoint_path_, network_, state_, info_, settings_);
    last_checkpoint_ = position();
  } catch (const IoError& error) {  // the file may be writable again by the end
    display_.warning(formatted("{}; training goes on without this checkpoint", error.what()));
  } catch (const ArgumentError&) {
    // A parameter is not finite, and so will the next loss be, which ends the run. The last good
    // checkpoint stands.
  }
}

template <class T>
std::string TrainingSession<T>::position() const {
  if (state_.samples_done == 0) return formatted("after epoch {}", state_.epoch - 1);
  return formatted("after {} of {} samples of epoch {}", state_.samples_done, data_.train.samples(),
                   state_.epoch);
}

template <class T>
std::string TrainingSession<T>::what_is_saved() const {
  if (command_.model.empty()) return "nothing to save";
  if (last_checkpoint_.empty()) return "no model was written";
  const std::string model = checkpoint_path_ == command_.model
                                ? std::string()
                                : formatted(" --model {}", command_.model.string());
  return formatted("{0} holds the run {1}, and `lamella train --resume {0}{2}` goes on from there",
                   checkpoint_path_.string(), last_checkpoint_, model);
}

template <class T>
std::string TrainingSession<T>::description() const {
  const NetworkSpec& spec = network_.spec();
  const BackendInfo& info = network_.backend().info();
  std::string layers = formatted("{}", spec.inputs);
  for (const index_t units : spec.hidden) layers += formatted("-{}", units);
  const std::string normalized = spec.normalization == Normalization::none
                                     ? ""
                                     : formatted(", {} norm", command_.normalization);
  return formatted("{}-{} ({}{}, {}, {} parameters) with {} ({}, {} thread{})", layers,
                   spec.classes, command_.activation, normalized, command_.precision,
                   network_.parameter_count(), info.name, info.isa, info.threads,
                   info.threads == 1 ? "" : "s");
}

/// The samples that were held out are not to be had from `evaluate`, which sees the whole file.
template <class T>
std::optional<Evaluation> TrainingSession<T>::evaluate_held_out() const {
  // The summary's size is the square of the number of classes: of more, it is too long to read.
  constexpr index_t kMostClasses = 200;
  if (command_.held_out == 0 || spec_.classes > kMostClasses) return std::nullopt;
  if (profiled_) profiled_->set_recording(false);
  return evaluate(result(), data_.validation ? *data_.validation : *data_.test,
                  info_.preprocessing);
}

/// A loss far above that of equal probabilities is finite, and yet training has failed.
template <class T>
void TrainingSession<T>::warn_if_it_guesses_better() const {
  constexpr double kFar = 3;
  const double guessing = std::log(static_cast<double>(network_.spec().classes));
  if (state_.last.train_loss > kFar * guessing)
    Warnings(Warnings::Which::all)
        .print(
            formatted("the last loss, {:.4g}, is far above that of guessing, {:.4g}; a learning "
                      "rate below {}, or features of a smaller scale, may help",
                      state_.last.train_loss, guessing, learning_rate(command_.options.optimizer)),
            Suspicion::likely);
}

template <class T>
void TrainingSession<T>::print_summary(const std::vector<EpochReport>& reports) const {
  std::optional<TrainingProfile> profile;
  if (profiled_) {
    double seconds = 0;  // of this process, which may have gone on with a run of another one
    for (const EpochReport& report : reports) seconds += report.seconds;
    profile = training_profile(*profiled_, seconds);
  }
  std::optional<Evaluation> held_out;
  if (command_.json || !command_.quiet) held_out = evaluate_held_out();
  const bool keeps_best = command_.options.keep == KeptWeights::best && state_.best.epoch > 0;
  const RunSummary run{command_,
                       data_,
                       network_.backend().info(),
                       network_.parameter_count(),
                       state_.last,
                       keeps_best ? state_.best : state_.last,
                       state_.seconds_of_epochs};
  if (command_.json) {
    Json summary = summary_json(run);
    if (held_out) summary["held_out"] = evaluation_json(*held_out, info_.class_names);
    if (profile) summary["profile"] = profile_json(*profile);
    write_stdout(to_line(summary) + "\n");
    return;
  }
  std::string text;
  if (!command_.quiet) text = summary_text(run);
  if (held_out) text += "\nsamples held out:\n" + evaluation_text(*held_out, info_.class_names);
  if (!command_.quiet && profile) text += '\n';
  if (profile) text += profile_text(*profile);
  if (text.empty()) return;
  if (command_.model_on_stdout)
    write_stderr(text);
  else
    write_stdout(text);
}

template class TrainingSession<float>;
template class TrainingSession<double>;

}  // namespace lamella::cli
