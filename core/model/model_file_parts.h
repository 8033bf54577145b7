// Model files with more in them: what save_model() and load_model() share with checkpoints.
#ifndef LAMELLA_CORE_MODEL_MODEL_FILE_PARTS_H_
#define LAMELLA_CORE_MODEL_MODEL_FILE_PARTS_H_

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include <lamella/model_file.h>

#include "core/model/safetensors.h"

namespace lamella::detail {

/// safetensors' name of an element type.
template <class T>
constexpr std::string_view kDtype = std::is_same_v<T, float> ? "F32" : "F64";

/// save_model() with more metadata and tensors.
template <class T>
void write_model(const std::filesystem::path& path, const Network<T>& network,
                 const ModelInfo& info, const safetensors::Metadata& more_metadata,
                 std::span<const safetensors::TensorData> more_tensors);

/// load_model() of an open file. Tensors of a run are not looked at.
Model read_model(const safetensors::Reader& file, std::shared_ptr<const Backend> backend);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_MODEL_MODEL_FILE_PARTS_H_
