// What `lamella train` says at the end of a run. The keys of its JSON object are documented in
// docs/command-line.md and are part of the interface.
#ifndef LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SUMMARY_H_
#define LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SUMMARY_H_

#include <string>

#include <lamella/backend.h>
#include <lamella/trainer.h>

#include "tools/lamella/commands/train_command.h"
#include "tools/lamella/io/inputs.h"
#include "tools/lamella/io/json.h"

namespace lamella::cli {

/// A run at its end.
struct RunSummary {
  const TrainCommand& command;
  const TrainingData& data;
  const BackendInfo& backend;
  index_t parameters;  ///< of the network
  EpochReport last;    ///< epoch
  EpochReport kept;    ///< the epoch whose weights are kept
  double seconds;      ///< of training alone
};

Json summary_json(const RunSummary& run);
std::string summary_text(const RunSummary& run);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAINING_SUMMARY_H_
