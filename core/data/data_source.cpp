// read_data_source: chooses the reader or generator that fits a name.
#include <algorithm>
#include <cctype>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/readers.h>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/data/array_dataset.h"

namespace lamella {

using namespace detail;
namespace fs = std::filesystem;

namespace {

constexpr const char* kAccepted =
    "accepted are moons, blobs, a directory with MNIST's four files, a .csv file, a .npy file "
    "(X*.npy with its labels in y*.npy), or an IDX file (*images-idx3-ubyte[.gz] with its labels "
    "in *labels-idx1-ubyte[.gz])";

constexpr std::int32_t kGeneratedTrain = 1000;
constexpr std::int32_t kGeneratedTest = 1000;

// Both parts come from one set, because the test data of blobs need the training data's centres.
DataSplit cut(const Dataset& all) {
  std::vector<std::int32_t> indices(kGeneratedTrain + kGeneratedTest);
  std::iota(indices.begin(), indices.end(), 0);
  const std::span<const std::int32_t> span(indices);
  return {all.subset(span.first(kGeneratedTrain)), all.subset(span.last(kGeneratedTest))};
}

// `path` with the last `from` in its file name replaced; nothing if there is none.
std::optional<fs::path> renamed(const fs::path& path, const std::string& from,
                                const std::string& to) {
  std::string name = path.filename().string();
  const std::size_t at = name.rfind(from);
  if (at == std::string::npos) return std::nullopt;
  return path.parent_path() / name.replace(at, from.size(), to);
}

// X.npy → y.npy, X_train.npy → y_train.npy.
fs::path npy_labels(const fs::path& features) {
  std::string name = features.filename().string();
  if (name.front() != 'X' && name.front() != 'x')
    throw ArgumentError(
        formatted("{}: whose labels? Labelled .npy data are two files, X*.npy and y*.npy",
                  features.string()));
  name.front() = 'y';
  return features.parent_path() / name;
}

DataSplit load_npy(const fs::path& path, const CsvOptions& options) {
  if (!options.labelled) return read_arrays(read_npy, {path, std::nullopt}, std::nullopt, {});
  std::optional<ArrayFiles> test;
  if (const auto features = renamed(path, "train", "test")) {
    std::error_code ignored;
    if (fs::exists(*features, ignored)) test = ArrayFiles{*features, npy_labels(*features)};
  }
  return read_arrays(read_npy, {path, npy_labels(path)}, test, options.class_names);
}

DataSplit load_idx(const fs::path& path, const CsvOptions& options) {
  if (!options.labelled) return read_arrays(read_idx, {path, std::nullopt}, std::nullopt, {});
  auto labels = renamed(path, "images", "labels");
  if (labels) labels = renamed(*labels, "idx3", "idx1");
  if (!labels)
    throw ArgumentError(
        formatted("{}: whose labels? Labelled IDX data are two files, *images-idx3-ubyte and "
                  "*labels-idx1-ubyte",
                  path.string()));
  return read_arrays(read_idx, {path, *labels}, std::nullopt, options.class_names);
}

}  // namespace

DataSplit read_data_source(const std::string& source, const CsvOptions& csv, std::uint64_t seed) {
  if (source == "moons") return cut(make_moons(kGeneratedTrain + kGeneratedTest, 0.1, seed));
  if (source == "blobs") return cut(make_blobs(kGeneratedTrain + kGeneratedTest, 8, 5, 2.0, seed));

  const fs::path path(source);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    throw IoError(formatted("{}: {}; {}", in_quotes(source),
                            error ? error.message() : "no such file", kAccepted));
  if (fs::is_directory(status)) return detail::read_mnist_directory(path, csv.class_names);

  std::string name = path.filename().string();
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name.ends_with(".csv")) return {read_csv(path, csv), std::nullopt};
  if (name.ends_with(".npy")) return load_npy(path, csv);
  if (name.find("idx") != std::string::npos) return load_idx(path, csv);
  throw ArgumentError(
      formatted("{}: not a name that says what is inside; {}", in_quotes(source), kAccepted));
}

}  // namespace lamella
