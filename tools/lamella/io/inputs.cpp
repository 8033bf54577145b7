// Data for the subcommands: formats told apart, samples held out, features preprocessed.
#include "tools/lamella/io/inputs.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <random>
#include <string_view>
#include <utility>

#include <lamella/error.h>

#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace {

enum class Format { csv, idx, npy };

Format format_of(const std::filesystem::path& path) {
  // What begins a pipe cannot be put back for the reader, and pipes carry text.
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return Format::csv;
  char begin[6] = {};
  std::ifstream(path, std::ios::binary).read(begin, sizeof begin);
  const std::string_view magic(begin, sizeof begin);
  using namespace std::string_view_literals;
  if (magic == "\x93NUMPY"sv) return Format::npy;
  if (magic.substr(0, 2) == "\x1f\x8b"sv || magic.substr(0, 2) == "\0\0"sv) return Format::idx;
  return Format::csv;
}

Dataset from_array(NdArray array, const std::filesystem::path& path) {
  if (array.shape.empty())
    throw DataError(formatted("{}: holds one number, not samples", path.string()));
  std::vector<index_t> sample_shape = std::move(array.shape);
  sample_shape.erase(sample_shape.begin());
  if (sample_shape.empty()) sample_shape = {1};
  return Dataset(std::move(array.values), std::move(sample_shape), {});
}

}  // namespace

const std::vector<std::string>& preprocessing_names() {
  static const std::vector<std::string> names{"auto", "none", "scale", "standardize"};
  return names;
}

Preprocessing make_preprocessing(const std::string& name, const Dataset& data) {
  if (name == "auto") return suggest_preprocessing(data);
  if (name == "scale") return scale_to_unit(data);
  if (name == "standardize") return standardize(data, MeanRounding::summands_divided);
  return {};
}

void hold_out(DataSplit& split, double fraction, std::uint64_t seed) {
  const auto samples = static_cast<std::size_t>(split.train.samples());
  const auto held_out =
      static_cast<std::size_t>(std::llround(fraction * static_cast<double>(samples)));
  if (held_out == 0 || held_out == samples)
    throw DataError(
        formatted("holding out a fraction of {} of {} samples leaves no samples on one side",
                  fraction, samples));
  std::vector<std::int32_t> order(samples);
  std::iota(order.begin(), order.end(), 0);
  // mt19937_64 is the same everywhere, std::shuffle is not.
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < held_out; ++i)
    std::swap(order[i], order[i + random() % (samples - i)]);
  // Both parts in the order of the file.
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(held_out);
  std::sort(order.begin(), middle);
  std::sort(middle, order.end());
  const std::span<const std::int32_t> all(order);
  split.test = split.train.subset(all.first(held_out));
  split.train = split.train.subset(all.subspan(held_out));
}

LabelledData load_labelled(const std::string& source, CsvOptions csv, std::uint64_t seed,
                           const std::vector<std::string>& class_names) {
  csv.class_names = class_names;
  DataSplit split = read_data_source(source, csv, seed);
  const bool has_test = split.test.has_value();
  LabelledData result{has_test ? *std::move(split.test) : std::move(split.train), has_test};
  // Sources that number their classes may name fewer of them than the model knows.
  const std::vector<std::string>& names = result.data.class_names();
  if (names.size() > class_names.size() ||
      !std::equal(names.begin(), names.end(), class_names.begin()))
    throw DataError(formatted("{}: its classes ({}) are not those of the model ({})", source,
                              joined(names, ", "), joined(class_names, ", ")));
  return result;
}

Dataset load_samples(const std::filesystem::path& path, const CsvOptions& csv) {
  switch (format_of(path)) {
    case Format::idx:
      return from_array(read_idx(path), path);
    case Format::npy:
      return from_array(read_npy(path), path);
    case Format::csv:
      break;
  }
  return read_csv(path, csv);
}

void check_features(const Dataset& data, const NetworkSpec& spec, const std::string& source) {
  if (data.features() != spec.inputs)
    throw DataError(formatted("{}: its samples have {} features, the model takes {}", source,
                              data.features(), spec.inputs));
}

}  // namespace lamella::cli
