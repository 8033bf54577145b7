// save_model and load_model: a Network as the tensors of a safetensors file, and back.
#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include <lamella/error.h>
#include <lamella/matrix.h>
#include <lamella/model_file.h>

#include "core/base/format.h"
#include "core/base/sizes.h"
#include "core/base/text.h"
#include "core/model/model_file_parts.h"
#include "core/model/model_metadata.h"
#include "core/model/run_metadata.h"
#include "core/model/safetensors.h"
#include "core/network/parameters.h"

namespace lamella {

using namespace detail;

namespace {

using safetensors::TensorData;
using safetensors::TensorInfo;

struct TensorShape {
  std::string name;
  std::vector<std::uint64_t> shape;
};

// The tensors of a network, in the order of the file: weight and bias of each layer, and of
// normalised ones scale, running mean and running variance.
std::vector<TensorShape> tensor_shapes(const NetworkSpec& spec) {
  std::vector<TensorShape> tensors;
  auto inputs = static_cast<std::uint64_t>(spec.inputs);
  for (std::size_t l = 0; l <= spec.hidden.size(); ++l) {
    const auto units =
        static_cast<std::uint64_t>(l < spec.hidden.size() ? spec.hidden[l] : spec.classes);
    tensors.push_back({formatted("layers.{}.weight", l), {units, inputs}});
    tensors.push_back({formatted("layers.{}.bias", l), {units}});
    if (l < spec.hidden.size() && spec.normalization != Normalization::none)
      for (const char* const name : {"scale", "running_mean", "running_variance"})
        tensors.push_back({formatted("layers.{}.{}", l, name), {units}});
    inputs = units;
  }
  return tensors;
}

// Calls body(first element, number of elements) for each row of the tensors in memory, in the order
// of the file. There may be padding between the rows.
template <class Network, class Body>
void for_each_row(Network& network, const Body& body) {
  for (index_t l = 0; l < network.layers(); ++l)
    for_each_tensor(
        [&](const auto& tensor) {
          for (index_t i = 0; i < tensor.rows; ++i) body(&tensor(i, 0), tensor.cols);
        },
        network.layer(l));
}

// Elements of all tensors.
template <class Network>
index_t elements_of(const Network& network) {
  index_t count = 0;
  for_each_row(network, [&](const auto*, index_t n) { count += n; });
  return count;
}

template <class T>
bool all_finite(std::span<const T> values) {
  return std::ranges::all_of(values, [](T v) { return std::isfinite(v); });
}

// The tensors of `file` in the order of tensor_shapes(spec). Fails unless the file has exactly
// those, with these shapes, all of one type. The reader has compared their sizes with that of the
// file, so afterwards metadata cannot demand more memory than the file has data.
std::vector<const TensorInfo*> checked_tensors(const safetensors::Reader& file,
                                               const NetworkSpec& spec) {
  std::unordered_map<std::string_view, const TensorInfo*> found;
  const bool is_checkpoint = has_run(file.metadata());
  for (const TensorInfo& tensor : file.tensors())
    if (!is_checkpoint || !tensor.name.starts_with(kRunPrefix)) found.emplace(tensor.name, &tensor);
  const std::vector<TensorShape> shapes = tensor_shapes(spec);
  if (found.size() != shapes.size())
    file.fail(formatted("{} tensors, where the architecture has {}", found.size(), shapes.size()));
  std::vector<const TensorInfo*> tensors;
  for (const TensorShape& wanted : shapes) {
    const auto entry = found.find(wanted.name);
    if (entry == found.end()) file.fail(formatted("tensor {} is missing", wanted.name));
    const TensorInfo& tensor = *entry->second;
    if (tensor.shape != wanted.shape)
      file.fail(formatted("tensor {} has shape {}, where the architecture has {}", wanted.name,
                          shape_text(tensor.shape), shape_text(wanted.shape)));
    tensors.push_back(&tensor);
    if (tensor.dtype != tensors[0]->dtype || (tensor.dtype != "F32" && tensor.dtype != "F64"))
      file.fail(formatted("tensor {} has dtype {}; F32 throughout or F64 throughout is right",
                          wanted.name, tensor.dtype));
  }
  return tensors;
}

template <class T>
Network<T> load_network(const safetensors::Reader& file,
                        const std::vector<const TensorInfo*>& tensors, const NetworkSpec& spec,
                        std::shared_ptr<const Backend> backend) {
  Network<T> network = Network<T>::zeros(spec, std::move(backend));
  AlignedArray<T> values(elements_of(network));  // so that no tensor's size overflows
  T* next = values.data();
  for (const TensorInfo* tensor : tensors) {
    const std::span<T> memory(next, *element_count(tensor->shape));
    file.read(*tensor, std::as_writable_bytes(memory));
    if (!all_finite<T>(memory))
      file.fail(formatted("tensor {} has a value that is not finite", tensor->name));
    if (tensor->name.ends_with("running_variance") &&
        std::ranges::any_of(memory, [](T v) { return v < 0; }))
      file.fail(formatted("tensor {} has a value below 0", tensor->name));
    next += memory.size();
  }
  const T* from = values.data();
  for_each_row(network, [&](T* row, index_t n) {
    std::copy_n(from, n, row);
    from += n;
  });
  return network;
}

}  // namespace

template <class T>
void detail::write_model(const std::filesystem::path& path, const Network<T>& network,
                         const ModelInfo& info, const safetensors::Metadata& more_metadata,
                         std::span<const TensorData> more_tensors) {
  safetensors::Metadata metadata = encode_metadata(network.spec(), info);
  metadata.insert(more_metadata.begin(), more_metadata.end());
  const std::vector<TensorShape> shapes = tensor_shapes(network.spec());
  AlignedArray<T> values(elements_of(network));
  T* to = values.data();
  for_each_row(network, [&](const T* row, index_t n) { to = std::copy_n(row, n, to); });
  std::vector<TensorData> tensors;
  const T* next = values.data();
  for (const TensorShape& tensor : shapes) {
    const std::span<const T> memory(next, *element_count(tensor.shape));
    if (!all_finite(memory))
      throw ArgumentError(formatted("save_model: {} has a value that is not finite", tensor.name));
    tensors.push_back({tensor.name, std::string(kDtype<T>), tensor.shape, std::as_bytes(memory)});
    next += memory.size();
  }
  tensors.insert(tensors.end(), more_tensors.begin(), more_tensors.end());
  safetensors::write(path, metadata, tensors);
}

template <class T>
void save_model(const std::filesystem::path& path, const Network<T>& network,
                const ModelInfo& info) {
  write_model(path, network, info, {}, {});
}

Model load_model(const std::filesystem::path& path, std::shared_ptr<const Backend> backend) {
  if (backend == nullptr) throw ArgumentError("load_model: backend is null");
  return read_model(safetensors::Reader(path), std::move(backend));
}

Model detail::read_model(const safetensors::Reader& file, std::shared_ptr<const Backend> backend) {
  ModelMetadata metadata;
  try {
    metadata = decode_metadata(file.metadata());
  } catch (const DataError& error) {
    file.fail(error.what());
  }
  const std::vector<const TensorInfo*> tensors = checked_tensors(file, metadata.spec);
  if (tensors[0]->dtype == kDtype<float>)
    return {load_network<float>(file, tensors, metadata.spec, std::move(backend)),
            std::move(metadata.info)};
  return {load_network<double>(file, tensors, metadata.spec, std::move(backend)),
          std::move(metadata.info)};
}

template void detail::write_model(const std::filesystem::path&, const Network<float>&,
                                  const ModelInfo&, const safetensors::Metadata&,
                                  std::span<const TensorData>);
template void detail::write_model(const std::filesystem::path&, const Network<double>&,
                                  const ModelInfo&, const safetensors::Metadata&,
                                  std::span<const TensorData>);
template void save_model(const std::filesystem::path&, const Network<float>&, const ModelInfo&);
template void save_model(const std::filesystem::path&, const Network<double>&, const ModelInfo&);

}  // namespace lamella
