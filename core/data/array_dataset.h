// Data sets made of arrays from files: one of features, one of labels.
//
// Not here: where the files are (mnist_directory.cpp, data_source.cpp) and how they are read.
#ifndef LAMELLA_CORE_DATA_ARRAY_DATASET_H_
#define LAMELLA_CORE_DATA_ARRAY_DATASET_H_

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lamella/readers.h>

namespace lamella::detail {

/// The files of one data set. Without `labels` the data set is unlabelled.
struct ArrayFiles {
  std::filesystem::path features;
  std::optional<std::filesystem::path> labels;
};

/// Reads both pairs (read_idx or read_npy by `read`). Features are [samples, ...] and finite;
/// labels are whole numbers, [samples] or [samples, 1], or one-hot rows, and stand for the class
/// whose name is that number. With `class_names` empty the labels of both pairs decide the classes,
/// as read_data_source documents. Throws DataError, naming the file, if anything does not fit
/// together.
DataSplit read_arrays(NdArray (&read)(const std::filesystem::path&), const ArrayFiles& train,
                      const std::optional<ArrayFiles>& test,
                      const std::vector<std::string>& class_names);

/// As lamella::read_mnist_directory, with class names (empty: "0" up to the largest label).
DataSplit read_mnist_directory(const std::filesystem::path& directory,
                               const std::vector<std::string>& class_names);

/// Those of the four files that are there.
std::vector<std::filesystem::path> mnist_directory_files(const std::filesystem::path& directory);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_DATA_ARRAY_DATASET_H_
