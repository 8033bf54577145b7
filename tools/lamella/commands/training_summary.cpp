// The summary of a training, as JSON and as text.
#include "tools/lamella/commands/training_summary.h"

#include <string_view>

#include "tools/lamella/io/format.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/text_table.h"

namespace lamella::cli {

namespace {

double samples_per_second(const RunSummary& run) {
  const auto samples =
      static_cast<double>(run.data.train.samples()) * static_cast<double>(run.last.epoch);
  return run.seconds > 0 ? samples / run.seconds : 0;
}

bool stopped_early(const RunSummary& run) { return run.last.epoch < run.command.options.epochs; }

std::string_view monitored_name(const RunSummary& run) {
  return run.command.options.monitor == Monitor::loss ? "loss" : "accuracy";
}

std::string figures_text(std::string_view name, double loss, double accuracy) {
  return formatted("{} loss {:.4f}  accuracy {:.4f}\n", name, loss, accuracy);
}

}  // namespace

Json summary_json(const RunSummary& run) {
  const TrainCommand& command = run.command;
  Json summary = epoch_json(run.kept);
  summary.erase("epoch");
  summary["epochs"] = run.last.epoch;
  if (run.last.best_epoch > 0) {
    summary["best_epoch"] = run.last.best_epoch;
    summary["ended_by"] = stopped_early(run) ? "patience" : "epochs";
  }
  summary["seconds"] = run.seconds;
  summary["samples_per_second"] = samples_per_second(run);
  summary["train_samples"] = run.data.train.samples();
  if (run.data.validation) summary["validation_samples"] = run.data.validation->samples();
  if (run.data.test) summary["test_samples"] = run.data.test->samples();
  summary["parameters"] = run.parameters;
  summary["precision"] = command.precision;
  summary["seed"] = command.options.seed;
  summary["backend"] = run.backend.name;
  summary["isa"] = run.backend.isa;
  summary["threads"] = run.backend.threads;
  if (!command.model.empty()) summary["model"] = command.model.string();
  return summary;
}

std::string summary_text(const RunSummary& run) {
  const TrainCommand& command = run.command;
  const EpochReport& kept = run.kept;
  const index_t epochs = run.last.epoch;
  std::string text =
      formatted("trained for {} epoch{} in {}, {:.0f} samples/s\n", epochs, epochs == 1 ? "" : "s",
                duration(run.seconds), samples_per_second(run));
  if (stopped_early(run)) {
    const index_t patience = command.options.early_stopping.patience;
    text += formatted("stopped early, after {} epoch{} without a better validation {}\n", patience,
                      patience == 1 ? "" : "s", monitored_name(run));
  }
  if (run.last.best_epoch > 0)
    text += formatted("best validation {} in epoch {}; {} weights are kept\n", monitored_name(run),
                      run.last.best_epoch,
                      command.options.keep == KeptWeights::best ? "its" : "the last");
  text += figures_text("train ", kept.train_loss, kept.train_accuracy);
  if (kept.validation_loss && kept.validation_accuracy)
    text += figures_text("validation", *kept.validation_loss, *kept.validation_accuracy);
  if (kept.test_loss && kept.test_accuracy)
    text += figures_text("test  ", *kept.test_loss, *kept.test_accuracy);
  if (!command.model.empty()) text += formatted("model  {}\n", command.model.string());
  return text;
}

}  // namespace lamella::cli
