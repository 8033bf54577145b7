// Dataset: the conditions that samples and labels must satisfy, single values, and subsets.
// Dataset::gather is in gather.cpp.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include <lamella/dataset.h>
#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/text.h"

namespace lamella {

using namespace detail;

namespace {

// Without names, the largest label decides how many classes there are. A label beyond this limit is
// treated as a mistake (an identifier, a price) and not as a million classes.
constexpr std::int32_t kMaxUnnamedClasses = 1 << 20;

// More classes than this are only made without names if there are as many samples.
constexpr std::int32_t kMostSparseClasses = 1000;

// Samples are addressed by 32-bit indices.
constexpr std::size_t kMaxSamples = std::numeric_limits<std::int32_t>::max();

index_t product(const std::vector<index_t>& shape) {
  if (shape.empty()) throw ArgumentError("Dataset: the sample shape needs at least one dimension");
  index_t result = 1;
  for (const index_t dimension : shape) {
    if (dimension < 1 || result > std::numeric_limits<index_t>::max() / dimension)
      throw ArgumentError(
          formatted("Dataset: a sample shape of {} is not of positive dimensions whose product "
                    "can be addressed",
                    shape_text(shape)));
    result *= dimension;
  }
  return result;
}

void check_labels(const std::vector<std::int32_t>& labels, index_t classes) {
  const auto bad = std::ranges::find_if(
      labels, [&](std::int32_t label) { return label < 0 || label >= classes; });
  if (bad != labels.end())
    throw DataError(formatted("Dataset: sample {} has label {}, which is not one of 0 to {}",
                              bad - labels.begin(), *bad, classes - 1));
}

}  // namespace

Dataset::Dataset(Features features, std::vector<index_t> sample_shape,
                 std::vector<std::int32_t> labels, std::vector<std::string> class_names)
    : values_(std::move(features)),
      sample_shape_(std::move(sample_shape)),
      labels_(std::move(labels)),
      class_names_(std::move(class_names)),
      features_per_sample_(product(sample_shape_)) {
  const std::size_t count = std::visit([](const auto& v) { return v.size(); }, values_);
  const auto per_sample = static_cast<std::size_t>(features_per_sample_);
  if (count % per_sample != 0 || count / per_sample > kMaxSamples)
    throw ArgumentError(
        formatted("Dataset: {} values are no whole number (up to {}) of samples of {} values",
                  count, kMaxSamples, per_sample));
  samples_ = static_cast<index_t>(count / per_sample);
  if (!labels_.empty() && labels_.size() != static_cast<std::size_t>(samples_))
    throw ArgumentError(formatted("Dataset: {} labels for {} samples", labels_.size(), samples_));
  if (labels_.empty()) return;
  if (class_names_.empty()) {
    check_labels(labels_, kMaxUnnamedClasses);
    const std::int32_t largest = *std::ranges::max_element(labels_);
    if (largest >= kMostSparseClasses && largest >= samples_)
      throw DataError(
          formatted("Dataset: label {} would make {} classes of {} samples; labels are class "
                    "indices from 0, so number the classes, or name them all",
                    largest, index_t{largest} + 1, samples_));
    for (std::int32_t c = 0; c <= largest; ++c) class_names_.push_back(std::to_string(c));
  }
  check_labels(labels_, classes());
}

Dataset Dataset::with_columns(ColumnNames columns) && {
  if (!columns.features.empty() && std::ssize(columns.features) != features())
    throw ArgumentError(formatted("Dataset::with_columns: {} names for {} features",
                                  columns.features.size(), features()));
  columns_ = std::move(columns);
  return std::move(*this);
}

Dataset Dataset::with_weights(std::vector<double> weights) && {
  if (!weights.empty() && std::ssize(weights) != samples_)
    throw ArgumentError(
        formatted("Dataset::with_weights: {} weights for {} samples", weights.size(), samples_));
  const auto bad = std::ranges::find_if(
      weights, [](double weight) { return !(weight >= 0 && std::isfinite(weight)); });
  if (bad != weights.end())
    throw DataError(
        formatted("the weight of sample {} is {}; weights must be finite and not negative",
                  bad - weights.begin(), *bad));
  if (!weights.empty() && std::ranges::all_of(weights, [](double weight) { return weight == 0; }))
    throw DataError("all weights are 0; at least one sample must count");
  weights_ = std::move(weights);
  return std::move(*this);
}

double Dataset::value(index_t sample, index_t feature) const {
  const auto at = static_cast<std::size_t>(sample * features_per_sample_ + feature);
  return std::visit([at](const auto& v) { return static_cast<double>(v[at]); }, values_);
}

Dataset Dataset::subset(std::span<const std::int32_t> indices) const {
  for (const std::int32_t index : indices)
    if (index < 0 || index >= samples_)
      throw ArgumentError(
          formatted("Dataset::subset: index {} is not among the {} samples", index, samples_));
  Features values = std::visit(
      [&](const auto& from) {
        std::decay_t<decltype(from)> to;
        to.reserve(indices.size() * static_cast<std::size_t>(features_per_sample_));
        for (const std::int32_t index : indices) {
          const auto begin = from.begin() + index * features_per_sample_;
          to.insert(to.end(), begin, begin + features_per_sample_);
        }
        return Features(std::move(to));
      },
      values_);
  std::vector<std::int32_t> labels;
  if (labelled())
    for (const std::int32_t index : indices)
      labels.push_back(labels_[static_cast<std::size_t>(index)]);
  Dataset chosen = Dataset(std::move(values), sample_shape_, std::move(labels), class_names_)
                       .with_columns(columns_);
  // Those of a subset may all be 0.
  if (!weights_.empty())
    for (const std::int32_t index : indices)
      chosen.weights_.push_back(weights_[static_cast<std::size_t>(index)]);
  return chosen;
}

}  // namespace lamella
