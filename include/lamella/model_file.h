// Trained models on disk: safetensors files with architecture, class names and preprocessing
// inside.
//
// Tensors layers.<l>.weight [units, inputs] and layers.<l>.bias [units], F32 or F64; everything
// else is in the file's metadata. No code is ever run from a model file.
#ifndef LAMELLA_MODEL_FILE_H_
#define LAMELLA_MODEL_FILE_H_

#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <lamella/dataset.h>
#include <lamella/export.h>
#include <lamella/network.h>
#include <lamella/readers.h>

namespace lamella {

/// The content of a model file besides the network.
struct ModelInfo {
  std::vector<std::string> class_names = {};
  std::vector<index_t> sample_shape = {};
  Preprocessing preprocessing = {};
  ColumnNames columns = {};  ///< of the table that the model was trained on; may be empty
  /// Whether the features were kept as double in a table's reader, and should be when it predicts.
  CsvPrecision precision = CsvPrecision::single;
};

/// A network of either precision and its description.
struct Model {
  std::variant<Network<float>, Network<double>> network;
  ModelInfo info;
};

/// Writes to a temporary file beside `path`, syncs it and renames it: either the old file or the
/// whole new one is there afterwards. The same arguments give the same bytes. A symbolic link is
/// followed. A file that is replaced passes on its mode, group and access control list; one that is
/// read-only is refused. A mount point, or a file in a directory that may not be written to, is
/// overwritten from a complete copy, which an error would name. Devices, pipes and /dev/fd/N are
/// written to directly. Throws IoError with path and reason, or ArgumentError if `info` does not
/// fit the network (one name per class, a sample shape of as many values as inputs, finite
/// preprocessing of 0, 1 or that many, and none or that many column names) or a parameter is not
/// finite.
template <class T>
LAMELLA_API void save_model(const std::filesystem::path& path, const Network<T>& network,
                            const ModelInfo& info);

/// Loads a model for `backend`. Every length, offset, shape, name and value is checked before use,
/// and memory is in proportion to the file's real size. Throws IoError if the file cannot be read,
/// DataError naming the file and what is wrong, ArgumentError for a null backend.
LAMELLA_API Model load_model(const std::filesystem::path& path,
                             std::shared_ptr<const Backend> backend);

}  // namespace lamella

#endif  // LAMELLA_MODEL_FILE_H_
