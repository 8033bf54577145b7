// What a checkpoint holds of a run beside tensors, as two values of safetensors metadata.
//
// Not here: tensors (checkpoint_file.cpp), and the metadata of the model (model_metadata.h).
#ifndef LAMELLA_CORE_MODEL_RUN_METADATA_H_
#define LAMELLA_CORE_MODEL_RUN_METADATA_H_

#include <cstdint>
#include <optional>

#include <lamella/checkpoint.h>

#include "core/model/safetensors.h"

namespace lamella::detail {

/// Names of the tensors of a run begin with this.
inline constexpr std::string_view kRunPrefix = "run.";

/// The numbers of a RunState, and of what it owns.
struct RunMetadata {
  RunState<float> state;  ///< without average and best weights, so that its type does not matter
  std::optional<Averaging> averaging;
  index_t average_steps = 0;
  index_t averaged = 0;
  std::uint64_t adam_steps = 0;
};

/// Copies all members but the average and the best weights.
template <class T, class U>
void copy_numbers(const RunState<T>& from, RunState<U>& to) {
  to.epoch = from.epoch;
  to.samples_done = from.samples_done;
  to.total = from.total;
  to.samples_learnt = from.samples_learnt;
  to.learning_rate = from.learning_rate;
  to.seconds = from.seconds;
  to.seconds_of_epochs = from.seconds_of_epochs;
  to.last = from.last;
  to.best = from.best;
  to.epochs_without_improvement = from.epochs_without_improvement;
  to.plateau = from.plateau;
}

/// Whether the metadata of a file are those of a checkpoint.
bool has_run(const safetensors::Metadata& metadata);

void encode_run(const RunMetadata& run, const CheckpointSettings& settings,
                safetensors::Metadata& metadata);

/// Inverses of encode_run(). Throw DataError (without a file name).
RunMetadata decode_run(const safetensors::Metadata& metadata);
CheckpointSettings decode_settings(const safetensors::Metadata& metadata);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_MODEL_RUN_METADATA_H_
