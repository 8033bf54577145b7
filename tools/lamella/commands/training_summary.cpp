// The summary of a training, as JSON and as text.
#include "tools/lamella/commands/training_summary.h"

#include "tools/lamella/io/format.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/text_table.h"

namespace lamella::cli {

TrainingTime training_time(const std::vector<EpochReport>& reports, index_t samples) {
  TrainingTime time;
  for (const EpochReport& report : reports) time.seconds += report.seconds;
  const auto all = static_cast<double>(samples) * static_cast<double>(reports.size());
  if (time.seconds > 0) time.samples_per_second = all / time.seconds;
  return time;
}

Json summary_json(const RunSummary& run) {
  const TrainCommand& command = run.command;
  const TrainingTime time = training_time(run.reports, run.split.train.samples());
  Json summary = epoch_json(run.reports.back());
  summary.erase("epoch");
  summary["epochs"] = command.options.epochs;
  summary["seconds"] = time.seconds;
  summary["samples_per_second"] = time.samples_per_second;
  summary["train_samples"] = run.split.train.samples();
  if (run.split.test) summary["test_samples"] = run.split.test->samples();
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
  const EpochReport& last = run.reports.back();
  const index_t epochs = command.options.epochs;
  const TrainingTime time = training_time(run.reports, run.split.train.samples());
  std::string text =
      formatted("trained for {} epoch{} in {}, {:.0f} samples/s\n", epochs, epochs == 1 ? "" : "s",
                duration(time.seconds), time.samples_per_second);
  text += formatted("train  loss {:.4f}  accuracy {:.4f}\n", last.train_loss, last.train_accuracy);
  if (last.test_loss && last.test_accuracy)
    text +=
        formatted("test   loss {:.4f}  accuracy {:.4f}\n", *last.test_loss, *last.test_accuracy);
  if (!command.model.empty()) text += formatted("model  {}\n", command.model.string());
  return text;
}

}  // namespace lamella::cli
