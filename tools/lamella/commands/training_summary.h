// What `lamella train` says at the end of a run. The keys of its JSON object are documented in
// docs/command-line.md and are part of the interface.
#ifndef LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SUMMARY_H_
#define LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SUMMARY_H_

#include <string>
#include <vector>

#include <lamella/backend.h>
#include <lamella/readers.h>
#include <lamella/trainer.h>

#include "tools/lamella/commands/train_command.h"
#include "tools/lamella/io/json.h"

namespace lamella::cli {

/// Of training alone, over all epochs.
struct TrainingTime {
  double seconds = 0;
  double samples_per_second = 0;
};

TrainingTime training_time(const std::vector<EpochReport>& reports, index_t samples);

/// A run at its end.
struct RunSummary {
  const TrainCommand& command;
  const DataSplit& split;
  const BackendInfo& backend;
  index_t parameters;  ///< of the network
  const std::vector<EpochReport>& reports;
};

Json summary_json(const RunSummary& run);
std::string summary_text(const RunSummary& run);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SUMMARY_H_
