// The safetensors container: named tensors and text metadata, checked on reading, written
// atomically.
//
// Not here: what tensors mean (model_file.cpp). The format is a little-endian 64-bit length, a JSON
// header of that many bytes, and the tensors' bytes; nothing in it can run.
#ifndef LAMELLA_CORE_MODEL_SAFETENSORS_H_
#define LAMELLA_CORE_MODEL_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"

namespace lamella::detail::safetensors {

/// Text by name. Both must be UTF-8.
using Metadata = std::map<std::string, std::string>;

/// The type, shape and position of one tensor in a file.
struct TensorInfo {
  std::string name;
  std::string dtype;  ///< one of the format's names: "F32", "F64", "U8", ...
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0;  ///< bytes from the end of the header
  std::uint64_t end = 0;
};

/// A file whose header has been read and checked: every key is known and unique, every dtype is
/// known, every size is that of its shape, and the tensors cover all of the data without gaps.
class Reader {
 public:
  /// Throws IoError if the file cannot be read, DataError naming it and what is wrong. Memory
  /// is in proportion to the header, which is at most 100 MB and within the file.
  explicit Reader(const std::filesystem::path& path);

  const Metadata& metadata() const { return metadata_; }
  /// In the order of their data.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// Reads a tensor of tensors() into `out`, which has its size in bytes. Throws as the
  /// constructor.
  void read(const TensorInfo& tensor, std::span<std::byte> out) const;
  /// Throws DataError "FILE: MESSAGE".
  [[noreturn]] void fail(std::string_view message) const;

 private:
  InputFile file_;
  Metadata metadata_;
  std::vector<TensorInfo> tensors_;
  std::uint64_t data_start_ = 0;
};

/// A tensor to be written: little-endian, row-major bytes, owned by the caller.
struct TensorData {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::span<const std::byte> bytes;
};

/// Writes the tensors in the given order to a temporary file, which then replaces `path` (see
/// OutputFile). The same arguments give the same bytes. Throws IoError, or ArgumentError if bytes
/// and shape disagree, two tensors have one name, or text is not UTF-8.
void write(const std::filesystem::path& path, const Metadata& metadata,
           std::span<const TensorData> tensors);

}  // namespace lamella::detail::safetensors

#endif  // LAMELLA_CORE_MODEL_SAFETENSORS_H_
