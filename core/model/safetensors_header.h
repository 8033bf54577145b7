// The JSON header of a safetensors file: from text to checked structures.
//
// Not here: the file around it (safetensors.cpp).
#ifndef LAMELLA_CORE_MODEL_SAFETENSORS_HEADER_H_
#define LAMELLA_CORE_MODEL_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/safetensors.h"

namespace lamella::detail::safetensors {

/// The key of the metadata, where all others are names of tensors.
inline constexpr std::string_view kMetadataKey = "__metadata__";

struct Header {
  Metadata metadata;
  std::vector<TensorInfo> tensors;  ///< in the order of their data
};

/// Parses `text` without recursion and checks it against `data_size` bytes of tensors. Throws
/// DataError that says what is wrong (without a file name).
Header parse_header(const std::string& text, std::uint64_t data_size);

/// Bytes of a tensor; nothing if the dtype is unknown or the size overflows.
std::optional<std::uint64_t> byte_size(std::string_view dtype,
                                       std::span<const std::uint64_t> shape);

}  // namespace lamella::detail::safetensors

#endif  // LAMELLA_CORE_MODEL_SAFETENSORS_HEADER_H_
