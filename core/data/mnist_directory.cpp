// read_mnist_directory: finds the four files of a data set that is laid out as MNIST is.
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "core/base/file.h"
#include "core/base/format.h"
#include "core/data/array_dataset.h"

namespace fs = std::filesystem;

namespace lamella {
namespace detail {
namespace {

constexpr std::array<std::array<const char*, 2>, 4> kParts = {{{"train-images", "idx3"},
                                                               {"train-labels", "idx1"},
                                                               {"t10k-images", "idx3"},
                                                               {"t10k-labels", "idx1"}}};

// The name as published, as some archives spell it, and both compressed. Empty if none is there.
fs::path find_part(const fs::path& directory, const std::string& part, const std::string& kind) {
  for (const char separator : {'-', '.'})
    for (const char* const suffix : {"", ".gz"}) {
      fs::path path = directory / (part + separator + kind + "-ubyte" + suffix);
      std::error_code ignored;
      if (fs::exists(path, ignored)) return path;
    }
  return {};
}

}  // namespace

DataSplit read_mnist_directory(const fs::path& directory,
                               const std::vector<std::string>& class_names) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (!fs::is_directory(status))
    throw_io_error(directory, "read the directory", error ? error.value() : ENOTDIR);
  std::vector<fs::path> paths;
  std::string missing;
  for (const auto& [part, kind] : kParts) {
    paths.push_back(find_part(directory, part, kind));
    if (paths.back().empty())
      missing += formatted("{}{}-{}-ubyte", missing.empty() ? "" : ", ", part, kind);
  }
  if (!missing.empty())
    throw IoError(formatted("{}: not an MNIST-style directory: missing {} (each may end in .gz)",
                            directory.string(), missing));
  return read_arrays(read_idx, {paths[0], paths[1]}, ArrayFiles{paths[2], paths[3]}, class_names);
}

std::vector<fs::path> mnist_directory_files(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& [part, kind] : kParts)
    if (fs::path file = find_part(directory, part, kind); !file.empty())
      files.push_back(std::move(file));
  return files;
}

}  // namespace detail

DataSplit read_mnist_directory(const fs::path& directory) {
  return detail::read_mnist_directory(directory, {});
}

}  // namespace lamella
