// Data sets made of arrays from files; see array_dataset.h.
#include "core/data/array_dataset.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/text.h"

namespace lamella::detail {
namespace fs = std::filesystem;
namespace {

// A label beyond this is treated as a mistake (an identifier, a price), not as a million classes.
constexpr double kLabelLimit = 1 << 20;

[[noreturn]] void fail(const fs::path& path, std::string_view message) {
  throw DataError(formatted("{}: {}", path.string(), message));
}

double value_at(const NdArray& array, std::size_t i) {
  return std::visit([i](const auto& values) { return static_cast<double>(values[i]); },
                    array.values);
}

std::vector<std::int32_t> whole_labels(const fs::path& path, const NdArray& array) {
  if (array.shape.size() != 1)
    fail(path, formatted("labels of shape {}; one label per sample would be right",
                         shape_text(array.shape)));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(array.shape[0]));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double value = value_at(array, i);
    if (!(value >= 0 && value < kLabelLimit) || value != std::floor(value))
      fail(path, formatted("label {} of sample {} is not a whole number from 0 to {}", value, i,
                           kLabelLimit - 1));
    labels[i] = static_cast<std::int32_t>(value);
  }
  return labels;
}

// Labels are names of classes that are written as numbers: 7 stands for the class "7".
void to_class_indices(const fs::path& path, std::vector<std::int32_t>& labels,
                      const std::vector<std::string>& class_names) {
  std::unordered_map<std::string, std::int32_t> index;
  for (const std::string& name : class_names)
    index.emplace(name, static_cast<std::int32_t>(index.size()));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto found = index.find(std::to_string(labels[i]));
    if (found == index.end())
      fail(path, formatted("label {} of sample {} is not one of the classes {}", labels[i], i,
                           quoted_list(class_names)));
    labels[i] = found->second;
  }
}

NdArray read_features(NdArray (&read)(const fs::path&), const fs::path& path) {
  NdArray array = read(path);
  if (array.shape.empty() || std::ranges::find(array.shape, 0) != array.shape.end())
    fail(path, formatted("an array of shape {} holds no samples", shape_text(array.shape)));
  if (array.shape.size() == 1) array.shape.push_back(1);
  const auto require_finite = [&](const auto& values) {
    const std::size_t width = values.size() / static_cast<std::size_t>(array.shape[0]);
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(static_cast<double>(values[i])))
        fail(path,
             formatted("feature {} of sample {} is not a finite number", i % width, i / width));
  };
  std::visit(require_finite, array.values);
  return array;
}

Dataset make_dataset(NdArray features, std::vector<std::int32_t> labels,
                     std::vector<std::string> class_names) {
  return Dataset(std::move(features.values), {features.shape.begin() + 1, features.shape.end()},
                 std::move(labels), std::move(class_names));
}

}  // namespace

DataSplit read_arrays(NdArray (&read)(const fs::path&), const ArrayFiles& train,
                      const std::optional<ArrayFiles>& test,
                      const std::vector<std::string>& class_names) {
  // Labels first: they are small, and all of them together decide the classes.
  std::vector<const ArrayFiles*> parts{&train};
  if (test) parts.push_back(&*test);
  std::vector<std::vector<std::int32_t>> labels(parts.size());
  std::vector<std::string> names = class_names;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (!parts[p]->labels) continue;
    labels[p] = whole_labels(*parts[p]->labels, read(*parts[p]->labels));
    if (class_names.empty())
      for (const std::int32_t label : labels[p])
        while (std::ssize(names) <= label) names.push_back(std::to_string(names.size()));
    else
      to_class_indices(*parts[p]->labels, labels[p], class_names);
  }
  std::vector<Dataset> sets;
  std::vector<index_t> shape;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    NdArray features = read_features(read, parts[p]->features);
    if (parts[p]->labels && features.shape[0] != std::ssize(labels[p]))
      fail(*parts[p]->labels, formatted("{} labels, but {} samples in {}", labels[p].size(),
                                        features.shape[0], parts[p]->features.string()));
    if (p > 0 && !std::equal(shape.begin() + 1, shape.end(), features.shape.begin() + 1,
                             features.shape.end()))
      fail(parts[p]->features, formatted("shape {} does not fit the training data's {}",
                                         shape_text(features.shape), shape_text(shape)));
    shape = features.shape;
    sets.push_back(make_dataset(std::move(features), std::move(labels[p]), names));
  }
  DataSplit split{std::move(sets[0]), std::nullopt};
  if (sets.size() > 1) split.test = std::move(sets[1]);
  return split;
}

}  // namespace lamella::detail
