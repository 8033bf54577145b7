// read_csv: columns, numbers, and classes from labels. Splitting text into fields is csv_scanner.h.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/data/csv_scanner.h"

namespace lamella {

using namespace detail;

namespace {

template <class Integer>
std::optional<Integer> parse_integer(std::string_view text) {
  Integer value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

enum class NumberError { none, missing, not_a_number, not_finite, out_of_range };

// Locale-independent; a leading plus sign is allowed.
NumberError parse_number(std::string_view text, float& value) {
  // Fast path: most values of large tables (pixels, counts, flags) are short whole numbers.
  constexpr std::size_t kShort = 7;  // digits: below 2^24, exact in float
  if (!text.empty() && text.size() <= kShort) {
    std::int32_t whole = 0;
    std::size_t i = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
      whole = 10 * whole + (text[i] - '0');
    if (i == text.size()) {
      value = static_cast<float>(whole);
      return NumberError::none;
    }
  }
  if (text.empty()) return NumberError::missing;
  if (text.front() == '+' && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  double wide = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, wide);
  if (stop != end || error == std::errc::invalid_argument) return NumberError::not_a_number;
  if (error != std::errc()) return NumberError::out_of_range;
  if (!std::isfinite(wide)) return NumberError::not_finite;
  if (std::abs(wide) > double{std::numeric_limits<float>::max()}) return NumberError::out_of_range;
  value = static_cast<float>(wide);
  return NumberError::none;
}

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

// The classes in the order in which the file first mentions them, and their final order.
class LabelTable {
 public:
  // With names given, the classes are these, in this order, and no others.
  explicit LabelTable(const std::vector<std::string>& names) : fixed_(!names.empty()) {
    for (const std::string& name : names)
      if (!add(name))
        throw ArgumentError(formatted("read_csv: class_names has {} twice", in_quotes(name)));
  }

  const std::vector<std::string>& names() const { return names_; }

  // The number of a class, in order of appearance; nothing for a name that is not among fixed ones.
  std::optional<std::int32_t> find_or_add(std::string_view name) {
    const auto found = numbers_.find(name);
    if (found != numbers_.end()) return found->second;
    if (fixed_) return std::nullopt;
    add(name);
    return static_cast<std::int32_t>(names_.size() - 1);
  }

  // Sorts the classes unless they are fixed: by value if all are whole numbers, else as text.
  // Renumbers `labels` accordingly.
  void sort(std::vector<std::int32_t>& labels) {
    if (fixed_) return;
    std::vector<std::optional<std::int64_t>> values;
    for (const std::string& name : names_) values.push_back(parse_integer<std::int64_t>(name));
    const bool numeric = std::ranges::all_of(values, [](const auto& v) { return v.has_value(); });
    std::vector<std::size_t> order(names_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      if (numeric && values[a] != values[b]) return *values[a] < *values[b];
      return names_[a] < names_[b];
    });
    std::vector<std::string> sorted(names_.size());
    std::vector<std::int32_t> rank(names_.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      sorted[i] = std::move(names_[order[i]]);
      rank[order[i]] = static_cast<std::int32_t>(i);
    }
    names_ = std::move(sorted);
    for (std::int32_t& label : labels) label = rank[static_cast<std::size_t>(label)];
  }

 private:
  bool add(std::string_view name) {
    if (!numbers_.emplace(name, static_cast<std::int32_t>(names_.size())).second) return false;
    names_.emplace_back(name);
    return true;
  }

  bool fixed_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int32_t, StringHash, std::equal_to<>> numbers_;
};

class TableReader {
 public:
  TableReader(const std::filesystem::path& path, const CsvOptions& options)
      : path_(path),
        options_(options),
        scanner_(path, options.delimiter),
        classes_(options.labelled ? options.class_names : std::vector<std::string>{}) {}

  Dataset read() {
    if (!scanner_.next()) throw DataError(path_.string() + ": the file is empty");
    const bool header = settle_columns();
    if (header && !scanner_.next())
      throw DataError(path_.string() + ": a header line and no samples");
    do {
      read_record();
    } while (scanner_.next());
    classes_.sort(labels_);
    const auto features = static_cast<index_t>(columns_ - (label_ ? 1 : 0));
    return Dataset(std::move(features_), {features}, std::move(labels_), classes_.names());
  }

 private:
  // From the first record: how many columns, which one is the label, and whether it is a header.
  bool settle_columns() {
    const auto& fields = scanner_.fields();
    columns_ = fields.size();
    const std::string& wanted = options_.label_column;
    const auto index = parse_integer<std::int64_t>(wanted);
    const bool by_name = options_.labelled && !wanted.empty() && !index;
    if (options_.labelled && columns_ < 2)
      scanner_.fail(formatted("one column only; features and a label, separated by {}, are needed",
                              in_quotes({&options_.delimiter, 1})));
    if (options_.labelled && !by_name) label_ = label_index(index.value_or(-1));
    const bool header =
        by_name || options_.header.value_or(false) || (!options_.header && looks_like_header());
    if (!header) return false;
    names_.assign(fields.begin(), fields.end());
    // A column with that name takes precedence over an index: tables may name columns 0, 1, 2, ...
    if (options_.labelled && !wanted.empty()) {
      const auto found = std::ranges::find(names_, wanted);
      if (found != names_.end()) {
        label_ = static_cast<std::size_t>(found - names_.begin());
        if (std::find(found + 1, names_.end(), wanted) != names_.end())
          scanner_.fail(formatted("more than one column is called {}", in_quotes(wanted)));
      } else if (by_name) {
        scanner_.fail(formatted("no column is called {}; the columns are {}", in_quotes(wanted),
                                quoted_list(names_)));
      }
    }
    return true;
  }

  std::size_t label_index(std::int64_t index) const {
    const auto count = static_cast<std::int64_t>(columns_);
    const std::int64_t absolute = index < 0 ? index + count : index;
    if (absolute < 0 || absolute >= count) {
      const std::vector<std::string> first(scanner_.fields().begin(), scanner_.fields().end());
      scanner_.fail(
          formatted("label column {} is outside 0 to {} (or -1 to -{}); the line's "
                    "fields are {}",
                    index, count - 1, count, quoted_list(first)));
    }
    return static_cast<std::size_t>(absolute);
  }

  // Whether no feature column holds a number and one of them has text. A line of data with one bad
  // value among numbers is not a header: read_record() reports the value, because it would be worse
  // to drop a sample silently.
  bool looks_like_header() const {
    bool text = false;
    for (std::size_t c = 0; c < columns_; ++c) {
      if (c == label_) continue;
      float value = 0;
      const NumberError error = parse_number(scanner_.fields()[c], value);
      if (error != NumberError::not_a_number && error != NumberError::missing) return false;
      text = text || error == NumberError::not_a_number;
    }
    return text;
  }

  void read_record() {
    const auto& fields = scanner_.fields();
    if (fields.size() != columns_)
      scanner_.fail(formatted("{} fields, where the first line has {}", fields.size(), columns_));
    for (std::size_t c = 0; c < columns_; ++c) {
      if (c == label_) {
        read_label(c);
        continue;
      }
      float value = 0;
      const NumberError error = parse_number(fields[c], value);
      if (error != NumberError::none) bad_number(c, error);
      features_.push_back(value);
    }
  }

  void read_label(std::size_t column) {
    const std::string_view text = scanner_.fields()[column];
    if (text.empty()) scanner_.fail(place(column) + "the label is missing");
    const std::optional<std::int32_t> label = classes_.find_or_add(text);
    if (!label)
      scanner_.fail(formatted("{}label {} is not one of the classes {}", place(column),
                              in_quotes(text), quoted_list(classes_.names())));
    labels_.push_back(*label);
  }

  [[noreturn]] void bad_number(std::size_t column, NumberError error) const {
    const std::string text = in_quotes(scanner_.fields()[column]);
    const bool first = features_.empty() && names_.empty();
    switch (error) {
      case NumberError::missing:
        scanner_.fail(place(column) + "the value is missing");
      case NumberError::not_finite:
        scanner_.fail(place(column) + text + " is not a finite number");
      case NumberError::out_of_range:
        scanner_.fail(place(column) + text + " is out of the range of float");
      default:
        scanner_.fail(place(column) + text + " is not a number" +
                      (first ? " (if this line is a header, say so in the options)" : ""));
    }
  }

  std::string place(std::size_t column) const {
    if (column < names_.size())
      return formatted("column {} ({}): ", column + 1, in_quotes(names_[column]));
    return formatted("column {}: ", column + 1);
  }

  const std::filesystem::path& path_;
  const CsvOptions& options_;
  CsvScanner scanner_;
  LabelTable classes_;
  std::size_t columns_ = 0;
  std::optional<std::size_t> label_;  // column
  std::vector<std::string> names_;    // of the columns, if there is a header
  std::vector<float> features_;
  std::vector<std::int32_t> labels_;
};

}  // namespace

Dataset read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r')
    throw ArgumentError("read_csv: a quote or line end cannot be the delimiter");
  const bool by_name = options.labelled && !options.label_column.empty() &&
                       !parse_integer<std::int64_t>(options.label_column);
  if (by_name && options.header == false)
    throw ArgumentError(formatted("read_csv: label column {} is a name, but there is no header",
                                  in_quotes(options.label_column)));
  return TableReader(path, options).read();
}

}  // namespace lamella
