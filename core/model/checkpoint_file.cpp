// save_checkpoint and load_checkpoint: a model file with the tensors and numbers of a run.
#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <lamella/checkpoint.h>
#include <lamella/error.h>

#include "core/base/format.h"
#include "core/model/model_file_parts.h"
#include "core/model/run_metadata.h"
#include "core/model/safetensors.h"
#include "core/network/network_access.h"
#include "core/network/training_step.h"

namespace lamella {

using namespace detail;

namespace {

using safetensors::TensorData;
using safetensors::TensorInfo;

// Parameters, or what has their layout, as a tensor: all of the memory, padding included.
template <class T>
TensorData tensor(const char* name, const Parameters<T>& parameters) {
  const AlignedArray<T>& storage = parameters.storage();
  const std::span<const T> values(storage.data(), static_cast<std::size_t>(storage.size()));
  return {std::string(kRunPrefix) + name,
          std::string(kDtype<T>),
          {values.size()},
          std::as_bytes(values)};
}

// Reads the tensor into parameters that have its size already; false if there is none.
template <class T>
bool read_tensor(const safetensors::Reader& file, const char* name, Parameters<T>& parameters) {
  const std::string full = std::string(kRunPrefix) + name;
  const auto found = std::ranges::find(file.tensors(), full, &TensorInfo::name);
  if (found == file.tensors().end()) return false;
  AlignedArray<T>& storage = parameters.storage();
  const std::span<T> values(storage.data(), static_cast<std::size_t>(storage.size()));
  if (found->dtype != kDtype<T> || found->shape != std::vector<std::uint64_t>{values.size()})
    file.fail(formatted("tensor {} is not {} elements of type {}, which the network has", full,
                        values.size(), kDtype<T>));
  file.read(*found, std::as_writable_bytes(values));
  return true;
}

template <class T>
void read_needed(const safetensors::Reader& file, const char* name, Parameters<T>& parameters) {
  if (!read_tensor(file, name, parameters))
    file.fail(formatted("tensor {}{} is missing", kRunPrefix, name));
}

template <class T>
InterruptedRun<T> read_run(const safetensors::Reader& file, Network<T> network,
                           const RunMetadata& metadata) {
  const auto backend = NetworkAccess::backend(network);
  InterruptedRun<T> run{std::move(network), {}};
  copy_numbers(metadata.state, run.state);
  read_needed(file, "network", NetworkAccess::parameters(run.network));
  if (metadata.averaging) {
    run.state.average.emplace(run.network, backend, *metadata.averaging);
    read_needed(file, "average", NetworkAccess::parameters(run.state.average->network()));
    run.state.average->resume(metadata.average_steps, metadata.averaged);
  }
  Network<T> best = Network<T>::zeros(run.network.spec(), backend);
  if (read_tensor(file, "best", NetworkAccess::parameters(best)))
    run.state.best_weights = std::move(best);

  TrainingStep<T>& step = NetworkAccess::step(run.network);
  Parameters<T> velocity(run.network.spec());
  if (read_tensor(file, "velocity", velocity)) step.velocity() = std::move(velocity);
  AdamState<T> adam(run.network.spec());
  if (read_tensor(file, "first_moment", adam.first)) {
    read_needed(file, "second_moment", adam.second);
    adam.steps = metadata.adam_steps;
    step.adam() = std::move(adam);
  }
  return run;
}

template <class Decode>
auto decoded(const safetensors::Reader& file, Decode decode) {
  try {
    return decode(file.metadata());
  } catch (const DataError& error) {
    file.fail(error.what());
  }
}

}  // namespace

template <class T>
void save_checkpoint(const std::filesystem::path& path, const Network<T>& network,
                     const RunState<T>& state, const ModelInfo& info,
                     const CheckpointSettings& settings) {
  RunMetadata run;
  copy_numbers(state, run.state);
  std::vector<TensorData> tensors = {tensor("network", NetworkAccess::parameters(network))};
  if (state.average) {
    run.averaging = state.average->averaging();
    run.average_steps = state.average->steps();
    run.averaged = state.average->averaged();
    tensors.push_back(tensor("average", NetworkAccess::parameters(state.average->network())));
  }
  if (state.best_weights)
    tensors.push_back(tensor("best", NetworkAccess::parameters(*state.best_weights)));
  const TrainingStep<T>& step = NetworkAccess::step(network);
  if (step.velocity()) tensors.push_back(tensor("velocity", *step.velocity()));
  if (step.adam()) {
    run.adam_steps = step.adam()->steps;
    tensors.push_back(tensor("first_moment", step.adam()->first));
    tensors.push_back(tensor("second_moment", step.adam()->second));
  }
  safetensors::Metadata metadata;
  encode_run(run, settings, metadata);
  const bool has_best = state.best_weights && state.best.epoch > 0;
  write_model(path, has_best ? *state.best_weights : state.measured(network), info, metadata,
              tensors);
}

Checkpoint load_checkpoint(const std::filesystem::path& path,
                           std::shared_ptr<const Backend> backend) {
  if (backend == nullptr) throw ArgumentError("load_checkpoint: backend is null");
  const safetensors::Reader file(path);
  const RunMetadata run = decoded(file, decode_run);
  CheckpointSettings settings = decoded(file, decode_settings);
  Model model = read_model(file, std::move(backend));
  try {
    return std::visit(
        [&](auto& network) {
          return Checkpoint{read_run(file, std::move(network), run), std::move(model.info),
                            std::move(settings)};
        },
        model.network);
  } catch (const ArgumentError& error) {  // numbers of an average that make no sense
    file.fail(error.what());
  }
}

CheckpointSettings load_checkpoint_settings(const std::filesystem::path& path) {
  const safetensors::Reader file(path);
  return decoded(file, decode_settings);
}

template void save_checkpoint(const std::filesystem::path&, const Network<float>&,
                              const RunState<float>&, const ModelInfo&, const CheckpointSettings&);
template void save_checkpoint(const std::filesystem::path&, const Network<double>&,
                              const RunState<double>&, const ModelInfo&, const CheckpointSettings&);

}  // namespace lamella
