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

// What a data source is, and the files that hold it.
struct ArraySource {
  ArrayFiles train;
  std::optional<ArrayFiles> test;
};

// X.npy → y.npy, X_train.npy → y_train.npy; nothing if the name does not begin with X.
std::optional<fs::path> npy_labels(const fs::path& features) {
  std::string name = features.filename().string();
  if (name.empty() || (name.front() != 'X' && name.front() != 'x')) return std::nullopt;
  name.front() = 'y';
  return features.parent_path() / name;
}

ArraySource npy_files(const fs::path& path, bool labelled) {
  ArraySource source{{path, std::nullopt}, std::nullopt};
  if (!labelled) return source;
  source.train.labels = npy_labels(path);
  if (const auto features = renamed(path, "train", "test")) {
    std::error_code ignored;
    if (fs::exists(*features, ignored)) source.test = ArrayFiles{*features, npy_labels(*features)};
  }
  return source;
}

ArraySource idx_files(const fs::path& path, bool labelled) {
  ArraySource source{{path, std::nullopt}, std::nullopt};
  if (!labelled) return source;
  source.train.labels = renamed(path, "images", "labels");
  if (source.train.labels) source.train.labels = renamed(*source.train.labels, "idx3", "idx1");
  return source;
}

DataSplit load_npy(const fs::path& path, const CsvOptions& options) {
  const ArraySource source = npy_files(path, options.labelled);
  if (!options.labelled) return read_arrays(read_npy, source.train, std::nullopt, {});
  if (!source.train.labels)
    throw ArgumentError(formatted(
        "{}: whose labels? Labelled .npy data are two files, X*.npy and y*.npy", path.string()));
  return read_arrays(read_npy, source.train, source.test, options.class_names);
}

DataSplit load_idx(const fs::path& path, const CsvOptions& options) {
  const ArraySource source = idx_files(path, options.labelled);
  if (!options.labelled) return read_arrays(read_idx, source.train, std::nullopt, {});
  if (!source.train.labels)
    throw ArgumentError(
        formatted("{}: whose labels? Labelled IDX data are two files, *images-idx3-ubyte and "
                  "*labels-idx1-ubyte",
                  path.string()));
  return read_arrays(read_idx, source.train, std::nullopt, options.class_names);
}

bool is_generated(const std::string& source) { return source == "moons" || source == "blobs"; }

std::string lower_case_name(const fs::path& path) {
  std::string name = path.filename().string();
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
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

  const std::string name = lower_case_name(path);
  if (name.ends_with(".csv")) return {read_csv(path, csv), std::nullopt};
  if (name.ends_with(".npy")) return load_npy(path, csv);
  if (name.find("idx") != std::string::npos) return load_idx(path, csv);
  throw ArgumentError(
      formatted("{}: not a name that says what is inside; {}", in_quotes(source), kAccepted));
}

std::vector<fs::path> data_source_files(const std::string& source, const CsvOptions& csv) {
  if (is_generated(source)) return {};
  const fs::path path(source);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return mnist_directory_files(path);
  const std::string name = lower_case_name(path);
  ArraySource arrays{{path, std::nullopt}, std::nullopt};
  if (name.ends_with(".npy"))
    arrays = npy_files(path, csv.labelled);
  else if (!name.ends_with(".csv") && name.find("idx") != std::string::npos)
    arrays = idx_files(path, csv.labelled);
  std::vector<fs::path> files;
  for (const ArrayFiles* part : {&arrays.train, arrays.test ? &*arrays.test : nullptr}) {
    if (part == nullptr) continue;
    files.push_back(part->features);
    if (part->labels) files.push_back(*part->labels);
  }
  return files;
}

}  // namespace lamella
