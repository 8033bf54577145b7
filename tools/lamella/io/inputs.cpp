// Data for the subcommands: formats told apart, samples held out, features preprocessed.
#include "tools/lamella/io/inputs.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <random>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lamella/error.h>

#include "core/base/text.h"
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

/// Marks `count` of the samples in `order`, drawn without replacement; changes the order.
void draw(std::vector<std::int32_t>& order, std::size_t count, std::uint64_t seed,
          std::vector<bool>& chosen) {
  // mt19937_64 is the same everywhere, std::shuffle is not.
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(order[i], order[i + random() % (order.size() - i)]);
    chosen[static_cast<std::size_t>(order[i])] = true;
  }
}

/// The name of a class of two samples or more that are all chosen or all not; empty if there is
/// none.
std::string class_on_one_side(const Dataset& data, const std::vector<bool>& chosen) {
  const auto classes = static_cast<std::size_t>(data.classes());
  std::vector<std::size_t> in(classes), out(classes);
  for (std::size_t i = 0; i < chosen.size(); ++i)
    ++(chosen[i] ? in : out)[static_cast<std::size_t>(data.labels()[i])];
  for (std::size_t c = 0; c < classes; ++c)
    if (in[c] + out[c] >= 2 && (in[c] == 0 || out[c] == 0)) return data.class_names()[c];
  return {};
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

Dataset hold_out(Dataset& data, double fraction, std::uint64_t seed, HoldOut how,
                 const Warnings& warnings) {
  const auto samples = static_cast<std::size_t>(data.samples());
  const auto held_out =
      static_cast<std::size_t>(std::llround(fraction * static_cast<double>(samples)));
  if (held_out == 0 || held_out == samples)
    throw DataError(
        formatted("holding out a fraction of {} of {} samples leaves no samples on one side",
                  fraction, samples));
  std::vector<std::int32_t> order(samples);
  std::iota(order.begin(), order.end(), 0);
  std::vector<bool> chosen(samples);
  if (how == HoldOut::random) {
    draw(order, held_out, seed, chosen);
    if (const std::string name = class_on_one_side(data, chosen); !name.empty()) {
      how = HoldOut::stratified;
      warnings.print(formatted("holding out samples at random would leave class '{}' out of one "
                               "part, so they are held out class by class",
                               name),
                     Suspicion::possible);
    }
  }
  if (how == HoldOut::stratified) {
    chosen.assign(samples, false);
    for (index_t c = 0; c < data.classes(); ++c) {
      order.clear();
      for (std::size_t i = 0; i < samples; ++i)
        if (data.labels()[i] == c) order.push_back(static_cast<std::int32_t>(i));
      if (order.size() < 2) continue;  // needed for training
      const auto wanted = std::llround(fraction * static_cast<double>(order.size()));
      draw(order, std::clamp(static_cast<std::size_t>(wanted), std::size_t{1}, order.size() - 1),
           seed + static_cast<std::uint64_t>(c) + 1, chosen);
    }
  }
  // Both parts in the order of the file.
  std::vector<std::int32_t> taken, left;
  for (std::size_t i = 0; i < samples; ++i)
    (chosen[i] ? taken : left).push_back(static_cast<std::int32_t>(i));
  Dataset result = data.subset(taken);
  data = data.subset(left);
  return result;
}

Dataset with_weights_from(const std::filesystem::path& path, Dataset data) {
  const NdArray array = read_npy(path);
  const bool is_vector =
      array.shape.size() == 1 || (array.shape.size() == 2 && array.shape[1] == 1);
  if (!is_vector || array.shape[0] != data.samples())
    throw DataError(
        formatted("{}: an array of shape {}, where {} training samples need a weight each",
                  path.string(), detail::shape_text(array.shape), data.samples()));
  std::vector<double> weights;
  std::visit([&](const auto& v) { weights.assign(v.begin(), v.end()); }, array.values);
  try {
    return std::move(data).with_weights(std::move(weights));
  } catch (const DataError& error) {
    throw DataError(formatted("{}: {}", path.string(), error.what()));
  }
}

CsvOptions csv_for_model(CsvOptions csv, const ModelInfo& model, const Warnings& warnings) {
  csv.columns = model.columns;
  csv.class_names = model.class_names;
  csv.warn = [&warnings](const std::string& text) { warnings.print(text, Suspicion::possible); };
  // As the table was read for training. Arrays and old models do not say: in double where float
  // would cancel digits or overflow. A feature of scale 1 is a constant, of which no digits matter.
  bool full = model.precision == CsvPrecision::full;
  const Preprocessing& map = model.preprocessing;
  constexpr double kMostDigitsLost = 4096, kSmallest = 1e-30, kLargest = 1e30;
  if (model.columns == ColumnNames{})
    for (std::size_t j = 0; j < map.scale.size(); ++j) {
      const double scale = map.scale[j];
      const double offset = map.offset.size() == map.scale.size() ? map.offset[j] : 0;
      full = full || scale < kSmallest || scale > kLargest ||
             (scale != 1 && std::abs(offset) * scale > kMostDigitsLost);
    }
  csv.precision = full ? CsvPrecision::full : CsvPrecision::single;
  return csv;
}

LabelledData load_labelled(const std::string& source, CsvOptions csv, std::uint64_t seed,
                           const ModelInfo& model, const Warnings& warnings) {
  DataSplit split = read_data_source(source, csv_for_model(std::move(csv), model, warnings), seed);
  const bool has_test = split.test.has_value();
  LabelledData result{has_test ? *std::move(split.test) : std::move(split.train), has_test};
  // Sources that number their classes may name fewer of them than the model knows.
  const std::vector<std::string>& names = result.data.class_names();
  if (names.size() > model.class_names.size() ||
      !std::equal(names.begin(), names.end(), model.class_names.begin()))
    throw DataError(formatted("{}: its classes ({}) are not those of the model ({})", source,
                              joined(names, ", "), joined(model.class_names, ", ")));
  return result;
}

Dataset load_samples(const std::filesystem::path& path, const CsvOptions& csv,
                     const ModelInfo& model, const Warnings& warnings) {
  switch (format_of(path)) {
    case Format::idx:
      return from_array(read_idx(path), path);
    case Format::npy:
      return from_array(read_npy(path), path);
    case Format::csv:
      break;
  }
  CsvOptions options = csv_for_model(csv, model, warnings);
  options.class_names.clear();  // labels are ignored, whatever they are
  return read_csv(path, options);
}

void check_features(const Dataset& data, const NetworkSpec& spec, const std::string& source) {
  if (data.features() != spec.inputs)
    throw DataError(formatted("{}: its samples have {} features, the model takes {}", source,
                              data.features(), spec.inputs));
}

}  // namespace lamella::cli
