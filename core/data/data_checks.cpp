// require_learnable and data_warnings: a look at labels and columns before training.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include <lamella/data_checks.h>
#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/text.h"

namespace lamella {

using namespace detail;

namespace {

// Fewer samples than this prove nothing.
constexpr index_t kFewSamples = 10;
// Numbers with fractions may be grades (0, 0.5, ... 5); beyond this many they are a quantity.
constexpr index_t kManyGrades = 20;

std::vector<index_t> samples_per_class(const Dataset& data) {
  std::vector<index_t> counts(static_cast<std::size_t>(data.classes()));
  for (const std::int32_t label : data.labels()) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Whether the classes are numbers of which one has a fraction.
bool are_fractions(const std::vector<std::string>& names) {
  bool fraction = false;
  for (const std::string& name : names) {
    const std::optional<double> value = number(name);
    if (!value) return false;
    fraction = fraction || *value != std::floor(*value);
  }
  return fraction;
}

// "the labels (column 'price')".
std::string labels_text(const Dataset& data) {
  const std::string& name = data.columns().label;
  return name.empty() ? "the labels" : formatted("the labels (column {})", in_quotes(name));
}

// "column 2 ('age')".
std::string feature_text(const Dataset& data, index_t feature) {
  const auto& names = data.columns().features;
  if (names.empty()) return formatted("feature {}", feature + 1);
  const std::string& name = names[static_cast<std::size_t>(feature)];
  return name.empty() ? formatted("feature {}, which has no name,", feature + 1)
                      : formatted("feature {} ({})", feature + 1, in_quotes(name));
}

// Whether the values of a feature are n whole numbers in a row, in any order.
bool counts_samples(const Dataset& data, index_t feature) {
  const index_t samples = data.samples();
  constexpr index_t kGlance = 64;  // most features that count nothing repeat or have fractions soon
  std::vector<double> first;
  for (index_t s = 0; s < std::min(samples, kGlance); ++s) {
    first.push_back(data.value(s, feature));
    if (first.back() != std::floor(first.back())) return false;
  }
  std::ranges::sort(first);
  if (std::ranges::adjacent_find(first) != first.end()) return false;
  double low = first.front(), high = first.back();
  for (index_t s = kGlance; s < samples; ++s) {
    const double value = data.value(s, feature);
    if (value != std::floor(value)) return false;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (high - low != static_cast<double>(samples - 1)) return false;
  std::vector<bool> seen(static_cast<std::size_t>(samples));
  for (index_t s = 0; s < samples; ++s) {
    auto at = seen[static_cast<std::size_t>(data.value(s, feature) - low)];
    if (at) return false;
    at = true;
  }
  return true;
}

// Whether a feature has the name of an index that pandas wrote, and whole numbers as that has. In
// a part of a table these are not in a row.
bool is_named_as_index(const Dataset& data, index_t feature) {
  const auto& names = data.columns().features;
  if (names.empty()) return false;
  const std::string& name = names[static_cast<std::size_t>(feature)];
  if (!name.empty() && !name.starts_with("Unnamed: ")) return false;
  for (index_t s = 0; s < data.samples(); ++s)
    if (data.value(s, feature) != std::floor(data.value(s, feature))) return false;
  return true;
}

bool samples_are_all_equal(const Dataset& data) {
  return std::visit(
      [&](const auto& values) {
        const auto width = static_cast<std::size_t>(data.features());
        const std::span all(values);
        for (std::size_t first = width; first < all.size(); first += width)
          if (!std::ranges::equal(all.subspan(first, width), all.first(width))) return false;
        return true;
      },
      data.values());
}

// The classes without samples, quoted; empty if there are none.
std::string absent_classes(const Dataset& data) {
  const std::vector<index_t> counts = samples_per_class(data);
  std::vector<std::string> absent;
  for (std::size_t c = 0; c < counts.size(); ++c)
    if (counts[c] == 0) absent.push_back(data.class_names()[c]);
  if (absent.empty()) return {};
  return (absent.size() == 1 ? "class " : "classes ") + quoted_list(absent);
}

}  // namespace

void require_learnable(std::string_view source, const Dataset& data) {
  if (!data.labelled()) throw DataError(formatted("{}: the data have no labels", source));
  const std::vector<index_t> counts = samples_per_class(data);
  const auto present = std::ssize(counts) - std::ranges::count(counts, index_t{0});
  if (present < 2) {
    const auto only = std::ranges::find_if(counts, [](index_t n) { return n > 0; });
    throw DataError(formatted(
        "{}: {} name one class only, {}, for all {} samples, so there is nothing to tell apart; "
        "if they are in another column, say in which (--label-column)",
        source, labels_text(data),
        in_quotes(data.class_names()[static_cast<std::size_t>(only - counts.begin())]),
        data.samples()));
  }
  constexpr index_t kShared = 4;  // samples a class, at least, on average
  if (present >= kFewSamples && kShared * present > data.samples() &&
      are_fractions(data.class_names()))
    throw DataError(formatted(
        "{}: {} are {} different numbers with fractions for {} samples: a quantity, not classes; "
        "if they are in another column, say in which (--label-column), else replace them by the "
        "names of ranges",
        source, labels_text(data), present, data.samples()));
}

std::vector<DataWarning> data_warnings(std::string_view source, const Dataset& data,
                                       const Dataset* test_data) {
  std::vector<DataWarning> warnings;
  const auto add = [&](Suspicion suspicion, std::string_view text) {
    warnings.push_back({formatted("{}: {}", source, text), suspicion});
  };
  const index_t samples = data.samples();
  if (samples < kFewSamples) return warnings;
  if (data.labelled()) {
    const std::vector<index_t> counts = samples_per_class(data);
    const auto present = std::ssize(counts) - std::ranges::count(counts, index_t{0});
    if (2 * present > samples)
      add(Suspicion::likely,
          formatted("{} name {} classes for {} samples; are they identifiers, or a quantity?",
                    labels_text(data), present, samples));
    else if (present > kManyGrades && are_fractions(data.class_names()))
      add(Suspicion::likely,
          formatted("{} are {} different numbers with fractions, each of which becomes a class; "
                    "are they a quantity?",
                    labels_text(data), present));
    if (const std::string absent = absent_classes(data); !absent.empty())
      add(Suspicion::possible, "the training data have no sample of " + absent);
    if (test_data != nullptr && test_data->labelled())
      if (const std::string absent = absent_classes(*test_data); !absent.empty())
        add(Suspicion::possible, "the test data have no sample of " + absent);
  }
  constexpr index_t kByteValues = 256;
  for (index_t f = 0; f < data.features(); ++f) {
    if (data.holds_bytes() && samples > kByteValues) break;
    if (counts_samples(data, f))
      add(Suspicion::likely,
          formatted("{} counts the samples, as an index does; if it is one, remove it, for it "
                    "teaches the order of the samples",
                    feature_text(data, f)));
    else if (is_named_as_index(data, f))
      add(Suspicion::likely,
          formatted("{} may be the index of a table; if it is, remove it, for it teaches the order "
                    "of the samples",
                    feature_text(data, f)));
  }
  if (samples_are_all_equal(data))
    add(Suspicion::likely, "the features of all samples are the same, so they tell nothing");
  return warnings;
}

}  // namespace lamella
