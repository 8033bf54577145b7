// read_csv: columns, numbers, and classes from labels. Splitting text into fields is csv_scanner.h.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/data/csv_number.h"
#include "core/data/csv_scanner.h"

namespace lamella {

using namespace detail;

namespace {

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

// Names by which a label column is known without being named in the options.
bool is_label_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames{"label", "class", "target", "species"};
  return std::ranges::any_of(kNames, [&](std::string_view known) {
    return std::ranges::equal(name, known, [](unsigned char a, unsigned char b) {
      return std::tolower(a) == static_cast<int>(b);
    });
  });
}

bool is_whole_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Reads features as T. What to do about a loss is the caller's.
template <class T>
class TableReader {
 public:
  TableReader(const std::filesystem::path& path, const CsvOptions& options)
      : path_(path),
        options_(options),
        scanner_(path, options.delimiter),
        classes_(options.labelled ? options.class_names : std::vector<std::string>{}) {}

  Dataset read() {
    if (!scanner_.next()) throw DataError(path_.string() + ": the file is empty");
    first_line_.assign(scanner_.fields().begin(), scanner_.fields().end());
    const bool header = settle_columns();
    if (header && !scanner_.next())
      throw DataError(path_.string() + ": a header line and no samples");
    losses_.resize(sources_.size());
    do {
      read_record();
    } while (scanner_.next());
    if (!header && !options_.header) refuse_header_of_numbers();
    classes_.sort(labels_);
    const auto features = static_cast<index_t>(sources_.size());
    return Dataset(std::move(features_), {features}, std::move(labels_), classes_.names())
        .with_columns(std::move(columns_));
  }

  // Whether float would lose what tells the values of a column of `data`, which this has read,
  // apart.
  bool loses(const Dataset& data) const {
    for (std::size_t f = 0; f < losses_.size(); ++f) {
      if (losses_[f].is_harmless()) continue;
      double low = std::numeric_limits<double>::infinity(), high = -low;
      for (index_t s = 0; s < data.samples(); ++s) {
        const double value = data.value(s, static_cast<index_t>(f));
        low = std::min(low, value);
        high = std::max(high, value);
      }
      if (losses_[f].matters(high - low)) return true;
    }
    return false;
  }

 private:
  // From the first record: whether it is a header, and which columns are label and features.
  bool settle_columns() {
    const auto& fields = scanner_.fields();
    field_count_ = fields.size();
    const std::string& wanted = options_.label_column;
    const auto index = parse_integer<std::int64_t>(wanted);
    const bool by_name = options_.labelled && !wanted.empty() && !index;
    if (options_.labelled && field_count_ < 2)
      scanner_.fail(formatted("one column only; features and a label, separated by {}, are needed",
                              in_quotes({&options_.delimiter, 1})));
    if (options_.labelled && !by_name) label_ = label_index(index.value_or(-1));
    const bool header = by_name || options_.header.value_or(false) ||
                        (!options_.header && (looks_like_header() || holds_names()));
    if (header) {
      names_.assign(fields.begin(), fields.end());
      if (options_.labelled) label_ = label_by_name();
    }
    const bool select = header && !options_.columns.features.empty();
    if (select) {
      select_features();
    } else {
      for (std::size_t c = 0; c < field_count_; ++c)
        if (c != label_) sources_.push_back(c);
    }
    if (header) keep_names();
    return header;
  }

  std::size_t label_index(std::int64_t index) const {
    const auto count = static_cast<std::int64_t>(field_count_);
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

  // The column of the labels in a table with a header. label_ is the one that the index says.
  std::size_t label_by_name() const {
    const std::string& wanted = options_.label_column;
    if (!wanted.empty()) {
      // A column with that name takes precedence over an index: tables may name columns 0, 1, ...
      const std::optional<std::size_t> found = column_called(wanted);
      if (found || label_) return found ? *found : *label_;
      scanner_.fail(formatted("no column is called {}; the columns are {}", in_quotes(wanted),
                              quoted_list(names_)));
    }
    if (const std::string& known = options_.columns.label; !known.empty()) {
      if (const std::optional<std::size_t> found = column_called(known)) return *found;
      scanner_.fail(
          formatted("no column is called {}, as the labels of the model are; the columns "
                    "are {}",
                    in_quotes(known), quoted_list(names_)));
    }
    std::vector<std::string> telling;
    for (const std::string& name : names_)
      if (is_label_name(name)) telling.push_back(name);
    if (telling.empty() || is_label_name(names_.back())) return *label_;
    if (telling.size() > 1)
      scanner_.fail(
          formatted("the labels may be in any of the columns {}; say which", quoted_list(telling)));
    warn(formatted("{}: the labels are taken from column {}, by its name, not from the last, {}",
                   path_.string(), in_quotes(telling[0]), in_quotes(names_.back())));
    return *column_called(telling[0]);
  }

  std::optional<std::size_t> column_called(const std::string& name) const {
    const auto found = std::ranges::find(names_, name);
    if (found == names_.end()) return std::nullopt;
    if (std::find(found + 1, names_.end(), name) != names_.end())
      scanner_.fail(formatted("more than one column is called {}", in_quotes(name)));
    return static_cast<std::size_t>(found - names_.begin());
  }

  void select_features() {
    const std::vector<std::string>& wanted = options_.columns.features;
    std::unordered_map<std::string_view, std::size_t> positions;
    for (std::size_t c = 0; c < names_.size(); ++c)
      if (!positions.emplace(names_[c], c).second)
        scanner_.fail(formatted("more than one column is called {}", in_quotes(names_[c])));
    std::vector<bool> used(names_.size());
    std::vector<std::string> missing, others;
    for (const std::string& name : wanted) {
      const auto found = positions.find(name);
      if (found == positions.end()) {
        missing.push_back(name);
        continue;
      }
      if (found->second == label_)
        scanner_.fail(formatted("column {} is a feature of the model, and cannot be the label",
                                in_quotes(name)));
      used[found->second] = true;
      sources_.push_back(found->second);
    }
    if (!missing.empty())
      scanner_.fail(formatted(
          "the model takes the columns {}; {} missing among the table's {}", quoted_list(wanted),
          quoted_list(missing) + (missing.size() == 1 ? " is" : " are"), quoted_list(names_)));
    for (std::size_t c = 0; c < names_.size(); ++c)
      if (!used[c] && c != label_ && names_[c] != options_.columns.label)
        others.push_back(names_[c]);
    if (!others.empty())
      warn(formatted("{}: the model does not use {}, which {} left out", path_.string(),
                     quoted_list(others), others.size() == 1 ? "is" : "are"));
  }

  void keep_names() {
    std::unordered_set<std::string_view> seen;
    for (const std::size_t c : sources_)
      if (!seen.insert(names_[c]).second) {
        warn(
            formatted("{}: more than one column is called {}, so columns are known by their "
                      "positions alone",
                      path_.string(), in_quotes(names_[c])));
        return;
      }
    for (const std::size_t c : sources_) columns_.features.push_back(names_[c]);
    if (label_) columns_.label = names_[*label_];
  }

  // Whether the first line has all the names that are looked for.
  bool holds_names() const {
    const auto& fields = scanner_.fields();
    const std::unordered_set<std::string_view> here(fields.begin(), fields.end());
    return !options_.columns.features.empty() &&
           std::ranges::all_of(options_.columns.features,
                               [&](const std::string& name) { return here.contains(name); });
  }

  // Whether no feature column holds a number and one of them has text. A line of data with one bad
  // value among numbers is not a header: read_record() reports the value, because it would be worse
  // to drop a sample silently.
  bool looks_like_header() const {
    bool text = false;
    for (std::size_t c = 0; c < field_count_; ++c) {
      if (c == label_) continue;
      double value = 0;
      const NumberError error = parse_number(scanner_.fields()[c], value);
      if (error != NumberError::not_a_number && error != NumberError::missing) return false;
      text = text || error == NumberError::not_a_number;
    }
    return text;
  }

  // Names may be numbers (years, 0, 1, 2, ...). A first line that was read as a sample but looks
  // like such names must not pass: it would become a sample, and often a class.
  void refuse_header_of_numbers() const {
    for (std::size_t c = 0; c < field_count_; ++c)
      if (c != label_ && !is_whole_number(first_line_[c])) return;
    std::string reason;
    if (label_is_of_the_first_line_alone())
      reason = formatted("{} is the label of no other sample", in_quotes(first_line_[*label_]));
    else if (first_line_counts())
      reason = "they count upwards";
    else
      return;
    throw DataError(formatted(
        "{}:1: names or numbers? This may be a header, {}: {}; say whether it is one (--header or "
        "--no-header on the command line)",
        path_.string(), quoted_list(first_line_), reason));
  }

  bool label_is_of_the_first_line_alone() const {
    if (!label_ || labels_.size() < 2 || !options_.class_names.empty()) return false;
    const std::vector<std::string>& names = classes_.names();  // that of the first line first
    std::vector<std::size_t> counts(names.size());
    for (const std::int32_t label : labels_) ++counts[static_cast<std::size_t>(label)];
    if (counts[0] > 1) return false;
    // The only text among numbers; or the only label that does not occur again, where there are
    // more than a few samples.
    constexpr std::size_t kFew = 5;
    const auto is_number = [](const std::string& name) {
      double value = 0;
      return parse_number(name, value) == NumberError::none;
    };
    return (!is_number(names[0]) && std::all_of(names.begin() + 1, names.end(), is_number)) ||
           (labels_.size() >= kFew && std::ranges::count(counts, std::size_t{1}) == 1);
  }

  // Whether the first line is n, n + 1, ... and the samples are not of that kind.
  bool first_line_counts() const {
    constexpr std::size_t kFewFields = 3, kManyFields = 8;
    if (sources_.size() < kFewFields || features_.size() <= sources_.size()) return false;
    for (std::size_t f = 1; f < sources_.size(); ++f)
      if (features_[f] != features_[f - 1] + 1) return false;
    if (sources_.size() >= kManyFields) return true;
    const auto width = static_cast<std::ptrdiff_t>(sources_.size());
    for (auto sample = features_.begin() + width; sample != features_.end(); sample += width)
      if (std::all_of(sample, sample + width, [](T x) { return x == std::floor(x); })) return false;
    return true;
  }

  void read_record() {
    const auto& fields = scanner_.fields();
    if (fields.size() != field_count_)
      scanner_.fail(
          formatted("{} fields, where the first line has {}", fields.size(), field_count_));
    if (label_) read_label(*label_);
    for (std::size_t f = 0; f < sources_.size(); ++f) {
      const std::size_t c = sources_[f];
      double value = 0;
      const NumberError error = parse_number(fields[c], value);
      if (error != NumberError::none) bad_number(c, error);
      features_.push_back(stored(value, f));
    }
  }

  T stored(double value, std::size_t feature) {
    if (std::abs(value) > double{std::numeric_limits<float>::max()}) {
      if (options_.precision == CsvPrecision::single)
        bad_number(sources_[feature], NumberError::out_of_range);
      losses_[feature].add_too_large();
      return static_cast<T>(std::is_same_v<T, double> ? value : 0);
    }
    if (static_cast<double>(static_cast<float>(value)) != value) losses_[feature].add(value);
    return static_cast<T>(value);
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
        scanner_.fail(place(column) + text + " is out of the range of " +
                      (options_.precision == CsvPrecision::single ? "float" : "double"));
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

  void warn(const std::string& text) const {
    if (options_.warn) options_.warn(text);
  }

  const std::filesystem::path& path_;
  const CsvOptions& options_;
  CsvScanner scanner_;
  LabelTable classes_;
  std::size_t field_count_ = 0;
  std::vector<std::string> first_line_;
  std::optional<std::size_t> label_;  // column
  std::vector<std::size_t> sources_;  // columns of the features
  std::vector<std::string> names_;    // of the columns, if there is a header
  ColumnNames columns_;               // of the features and the label
  std::vector<T> features_;
  std::vector<RoundingLoss> losses_;  // of the features
  std::vector<std::int32_t> labels_;
};

template <class T>
Dataset read_as(const std::filesystem::path& path, const CsvOptions& options) {
  return TableReader<T>(path, options).read();
}

Dataset rounded_to_float(const Dataset& data) {
  const auto& values = std::get<std::vector<double>>(data.values());
  std::vector<float> rounded(values.size());
  std::ranges::transform(values, rounded.begin(), [](double v) { return static_cast<float>(v); });
  return Dataset(std::move(rounded), data.sample_shape(),
                 {data.labels().begin(), data.labels().end()}, data.class_names())
      .with_columns(data.columns());
}

// As float unless that loses too much. A file is then read again, which keeps memory and time of
// the usual case as they are; a pipe cannot be, so it is kept as double until its end.
Dataset read_automatic(const std::filesystem::path& path, const CsvOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    TableReader<double> reader(path, options);
    Dataset data = reader.read();
    return reader.loses(data) ? std::move(data) : rounded_to_float(data);
  }
  TableReader<float> reader(path, options);
  Dataset data = reader.read();
  if (!reader.loses(data)) return data;
  data = Dataset();  // frees its memory
  CsvOptions quiet = options;
  quiet.warn = nullptr;  // all has been said
  return read_as<double>(path, quiet);
}

}  // namespace

Dataset read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r')
    throw ArgumentError("read_csv: a quote or line end cannot be the delimiter");
  const bool by_name = options.labelled && !options.label_column.empty() &&
                       !parse_integer<std::int64_t>(options.label_column);
  if (by_name && options.header == false)
    throw ArgumentError(formatted("read_csv: label column {} is a name, but there is no header",
                                  in_quotes(options.label_column)));
  switch (options.precision) {
    case CsvPrecision::single:
      return read_as<float>(path, options);
    case CsvPrecision::full:
      return read_as<double>(path, options);
    default:
      return read_automatic(path, options);
  }
}

}  // namespace lamella
