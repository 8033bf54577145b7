// Data sets made of arrays from files; see array_dataset.h.
#include "core/data/array_dataset.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/text.h"

namespace lamella::detail {
namespace fs = std::filesystem;
namespace {

// Integers beyond this are rounded in double, so that labels could not be told apart.
constexpr double kLabelLimit = 9007199254740992;  // 2^53
// A label set of more numbers than this is a mistake (identifiers, prices).
constexpr std::size_t kMostClasses = std::size_t{1} << 20;

[[noreturn]] void fail(const fs::path& path, std::string_view message) {
  throw DataError(formatted("{}: {}", path.string(), message));
}

double value_at(const NdArray& array, std::size_t i) {
  return std::visit([i](const auto& values) { return static_cast<double>(values[i]); },
                    array.values);
}

// Labels as the file has them: whole numbers of any sign.
using LabelNumbers = std::vector<std::int64_t>;

struct FileLabels {
  LabelNumbers numbers;
  std::int64_t columns = 0;  // of one-hot rows, which say how many classes there are
};

// The position of the one in each row of ones and zeros.
FileLabels one_hot_labels(const fs::path& path, const NdArray& array) {
  const auto samples = static_cast<std::size_t>(array.shape[0]);
  const auto classes = static_cast<std::size_t>(array.shape[1]);
  LabelNumbers labels(samples, -1);
  for (std::size_t i = 0; i < samples; ++i)
    for (std::size_t c = 0; c < classes; ++c) {
      const double value = value_at(array, i * classes + c);
      const bool hot = value == 1 && labels[i] < 0;
      if (hot) labels[i] = static_cast<std::int64_t>(c);
      if ((value != 0 && !hot) || (c + 1 == classes && labels[i] < 0))
        fail(path, formatted("labels of shape {}, of which row {} is not one-hot (one 1, else 0); "
                             "one whole number per sample would be right, such as the argmax of "
                             "each row",
                             shape_text(array.shape), i));
    }
  return {std::move(labels), array.shape[1]};
}

FileLabels whole_labels(const fs::path& path, const NdArray& array) {
  const auto& shape = array.shape;
  if (shape.size() == 2 && shape[1] >= 2) return one_hot_labels(path, array);
  if (shape.size() != 1 && !(shape.size() == 2 && shape[1] == 1))
    fail(path,
         formatted("labels of shape {}; one label per sample would be right", shape_text(shape)));
  LabelNumbers labels(static_cast<std::size_t>(shape[0]));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double value = value_at(array, i);
    if (value != std::floor(value) || !std::isfinite(value))
      fail(path, formatted("label {} of sample {} is not a whole number: labels name classes, not "
                           "quantities",
                           value, i));
    if (std::abs(value) >= kLabelLimit)
      fail(path, formatted("label {} of sample {} is too large to be told apart from others; less "
                           "than 2^53 would be right",
                           value, i));
    labels[i] = static_cast<std::int64_t>(value);
  }
  return {std::move(labels), 0};
}

// The different numbers, in order.
LabelNumbers different(LabelNumbers numbers) {
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

// The classes that the numbers stand for. Where most numbers from 0 to the largest occur they are
// class indices, and those that are missing are classes without samples, maybe in the training data
// alone. Other numbers are names, and only those of the training data can be learnt.
std::vector<std::string> class_names_of(const fs::path& path,
                                        const std::vector<FileLabels>& labels) {
  LabelNumbers all;
  std::int64_t columns = 0;
  for (const FileLabels& part : labels) {
    all.insert(all.end(), part.numbers.begin(), part.numbers.end());
    columns = std::max(columns, part.columns);
  }
  all = different(std::move(all));
  const auto are_indices = [&](const LabelNumbers& numbers) {
    return !numbers.empty() && numbers.front() >= 0 &&
           (numbers.back() < columns ||
            (numbers.front() == 0 && numbers.back() < 2 * std::ssize(numbers)));
  };
  const LabelNumbers numbers =
      are_indices(all) ? std::move(all) : different(labels.front().numbers);
  if (numbers.size() > kMostClasses)
    fail(path, formatted("{} different labels; more than {} classes are not credible",
                         numbers.size(), kMostClasses));
  std::vector<std::string> names;
  if (are_indices(numbers))
    for (std::int64_t c = 0; c < std::max(numbers.back() + 1, columns); ++c)
      names.push_back(std::to_string(c));
  else
    for (const std::int64_t number : numbers) names.push_back(std::to_string(number));
  return names;
}

// Labels are names of classes that are written as numbers: 7 stands for the class "7".
std::vector<std::int32_t> class_indices(const fs::path& path, const LabelNumbers& labels,
                                        const std::vector<std::string>& class_names) {
  std::unordered_map<std::string, std::int32_t> index;
  for (const std::string& name : class_names)
    index.emplace(name, static_cast<std::int32_t>(index.size()));
  std::vector<std::int32_t> indices;
  indices.reserve(labels.size());
  for (const std::int64_t label : labels) {
    const auto found = index.find(std::to_string(label));
    if (found == index.end())
      fail(path, formatted("label {} of sample {} is not one of the classes {}", label,
                           indices.size(), quoted_list(class_names)));
    indices.push_back(found->second);
  }
  return indices;
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
  std::vector<FileLabels> numbers(parts.size());
  for (std::size_t p = 0; p < parts.size(); ++p)
    if (parts[p]->labels) numbers[p] = whole_labels(*parts[p]->labels, read(*parts[p]->labels));
  const std::vector<std::string> names =
      class_names.empty() && train.labels ? class_names_of(*train.labels, numbers) : class_names;
  std::vector<std::vector<std::int32_t>> labels(parts.size());
  for (std::size_t p = 0; p < parts.size(); ++p)
    if (parts[p]->labels) labels[p] = class_indices(*parts[p]->labels, numbers[p].numbers, names);
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
