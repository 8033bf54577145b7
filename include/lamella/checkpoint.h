// Runs of training on disk: files from which train() goes on, and which are models too.
//
// Beside the tensors of a model (model_file.h), which are what the run would save if it ended here,
// there are those of the run, each with all parameters of the network as they lie in memory:
// run.network, run.average, run.best, run.velocity, run.first_moment and run.second_moment.
#ifndef LAMELLA_CHECKPOINT_H_
#define LAMELLA_CHECKPOINT_H_

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include <lamella/export.h>
#include <lamella/model_file.h>
#include <lamella/network.h>
#include <lamella/run_state.h>

namespace lamella {

/// What the caller wants to know again of its options and data, by name. Any text will do.
using CheckpointSettings = std::map<std::string, std::string>;

/// A network in training, with the memory of its optimiser, and how far the training is.
template <class T>
struct InterruptedRun {
  Network<T> network;
  RunState<T> state;
};

struct Checkpoint {
  std::variant<InterruptedRun<float>, InterruptedRun<double>> run;
  ModelInfo info;
  CheckpointSettings settings;
};

/// Writes `path` as save_model() does. The network and the state are those of a callback of train()
/// or what it has left. As a model the file has the weights of state.best_weights if these are kept
/// and there are some, otherwise of state.measured(network). Throws as save_model(): a parameter
/// that is not finite leaves the file as it was.
template <class T>
LAMELLA_API void save_checkpoint(const std::filesystem::path& path, const Network<T>& network,
                                 const RunState<T>& state, const ModelInfo& info,
                                 const CheckpointSettings& settings = {});

/// Loads what save_checkpoint() has written: train() with the same options and data ends at the
/// same bits as a run that was never interrupted. Checks as load_model(), and throws as it, also
/// for a model that is no checkpoint.
LAMELLA_API Checkpoint load_checkpoint(const std::filesystem::path& path,
                                       std::shared_ptr<const Backend> backend);

/// The settings alone, without the tensors. Throws as load_checkpoint().
LAMELLA_API CheckpointSettings load_checkpoint_settings(const std::filesystem::path& path);

}  // namespace lamella

#endif  // LAMELLA_CHECKPOINT_H_
