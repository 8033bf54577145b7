// One run of `lamella train`: a network, what is shown and logged of its training, and the summary.
//
// Not here: options and data (train_command.h).
#ifndef LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SESSION_H_
#define LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SESSION_H_

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lamella/checkpoint.h>
#include <lamella/error.h>
#include <lamella/metrics.h>
#include <lamella/model_file.h>
#include <lamella/profile.h>
#include <lamella/trainer.h>

#include "tools/lamella/commands/train_command.h"
#include "tools/lamella/io/epoch_log.h"
#include "tools/lamella/io/interrupt.h"
#include "tools/lamella/io/progress.h"

namespace lamella::cli {

/// One run of `lamella train`: what happens before the first epoch, after each batch, after each
/// epoch and at the end. Refers to the command and the data, which must outlive it.
template <class T>
class TrainingSession {
 public:
  /// Opens the log and makes the network. Throws UsageError or IoError if the network cannot fit
  /// into memory, IoError if the log cannot be opened.
  TrainingSession(const TrainCommand& command, const TrainingData& data,
                  std::shared_ptr<const Backend> backend);

  /// Trains, writes the model, and prints the summary. Throws Interrupted after a signal, IoError
  /// if model or log cannot be written, TrainingError if the loss is not finite.
  void run();

 private:
  void on_progress(const Progress& progress);
  void on_epoch(const EpochReport& report);
  void write_log(const EpochReport& report);
  // To --model, if that is a file; what cannot be written is a warning.
  void write_checkpoint();
  void resume(std::shared_ptr<const Backend> backend);

  // What is saved.
  const Network<T>& result() const { return state_.measured(network_); }
  std::string description() const;
  std::string position() const;  // "after epoch 3"
  std::string what_is_saved() const;
  void print_summary(const std::vector<EpochReport>& reports) const;
  std::optional<Evaluation> evaluate_held_out() const;
  void warn_if_it_guesses_better() const;

  const TrainCommand& command_;
  const TrainingData& data_;
  NetworkSpec spec_;
  std::filesystem::path checkpoint_path_;
  EpochLog log_;
  ModelInfo info_;
  std::shared_ptr<ProfiledBackend> profiled_;  // null without --profile
  Network<T> network_;
  RunState<T> state_;
  InterruptGuard interrupts_;
  ProgressDisplay display_;
  CheckpointSettings settings_;  // of checkpoints
  std::string last_checkpoint_;  // when it was written; empty: there is none
  std::chrono::steady_clock::time_point last_checkpoint_time_;
  std::optional<IoError> log_failure_;
};

extern template class TrainingSession<float>;
extern template class TrainingSession<double>;

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SESSION_H_
