// `lamella train`: its options, checked, and the data that they name.
//
// Not here: the run itself (training_session.h).
#ifndef LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAIN_COMMAND_H_
#define LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAIN_COMMAND_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <lamella/checkpoint.h>
#include <lamella/trainer.h>

#include "tools/lamella/io/inputs.h"
#include "tools/lamella/io/warnings.h"
#include "tools/lamella/options/averaging_options.h"
#include "tools/lamella/options/loss_options.h"
#include "tools/lamella/options/optimizer_options.h"
#include "tools/lamella/options/options.h"
#include "tools/lamella/options/schedule_options.h"
#include "tools/lamella/options/stopping_options.h"

namespace lamella::cli {

struct TrainCommand {
  std::string data;
  TableOptions table;
  std::string preprocess = preprocessing_names().front();
  double held_out = 0;
  std::vector<index_t> hidden{512, 256};
  std::string activation = "relu";
  std::string normalization = "none";
  std::string initialization = kInitializations[0].name;
  std::string precision = "f32";
  TrainOptions options;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  LossOptions loss;
  AveragingOptions average;
  StoppingOptions stopping;
  BackendOptions backend;
  std::filesystem::path model;
  index_t checkpoint_every = 0;  // epochs; 0: not given
  std::optional<double> checkpoint_minutes;
  std::filesystem::path resume;  // a checkpoint; empty: a new run
  CheckpointSettings settings;   // the options that a checkpoint holds
  std::filesystem::path log;
  bool quiet = false;
  bool json = false;
  bool profile = false;
  bool model_on_stdout = false;  // so nothing else may go there

  void add_to(CLI::App& app);
  void run();

 private:
  void start();
  void check();
  // Whether something is decided on held-out samples.
  bool decides() const { return stopping.decides() || schedule.decides(); }
  TrainingData read(const Warnings& warnings) const;

  const CLI::App* app_ = nullptr;  // whose options these are
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_COMMANDS_TRAIN_COMMAND_H_
