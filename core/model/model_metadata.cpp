// The metadata of a model file, to and from JSON; see model_metadata.h.
//
//   format          "lamella"
//   format_version  "1"
//   architecture    {"inputs": 784, "hidden": [512, 256], "classes": 10, "activation": "relu",
//                    "slope": 0.01, "normalization": "batch"}; the last only if there is one
//   class_names     ["0", "1", ...]; a name that is not UTF-8 is {"hex": BYTES}
//   sample_shape    [28, 28]
//   preprocessing   {"offset": [...], "scale": [...]}
//   columns         {"features": [NAME, ...], "label": NAME, "precision": "f64"}; only if the
//                   training data were a table with names, or one to be kept as double
#include "core/model/model_metadata.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include <lamella/activation.h>
#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/sizes.h"
#include "core/base/text.h"

namespace lamella::detail {
namespace {

constexpr std::string_view kFormat = "lamella";
constexpr std::string_view kFormatVersion = "1";

// The reason why `info` does not fit a network of `spec`; empty if it fits.
std::string error_text(const NetworkSpec& spec, const ModelInfo& info) {
  if (std::ssize(info.class_names) != spec.classes)
    return formatted("{} class_names for {} classes", info.class_names.size(), spec.classes);
  index_t features = 1;
  for (const index_t dimension : info.sample_shape) {
    if (dimension < 1 || features > std::numeric_limits<index_t>::max() / dimension)
      return formatted("a sample_shape of {}", shape_text(info.sample_shape));
    features *= dimension;
  }
  if (info.sample_shape.empty() || features != spec.inputs)
    return formatted("a sample_shape of {} for {} inputs", shape_text(info.sample_shape),
                     spec.inputs);
  for (const auto* values : {&info.preprocessing.offset, &info.preprocessing.scale}) {
    if (!fits_features(values->size(), spec.inputs))
      return formatted("preprocessing of {} values for {} inputs", values->size(), spec.inputs);
    if (!std::ranges::all_of(*values, [](double v) { return std::isfinite(v); }))
      return "preprocessing that is not finite";
  }
  const auto& names = info.columns.features;
  if (!names.empty() && std::ssize(names) != spec.inputs)
    return formatted("{} names of columns for {} inputs", names.size(), spec.inputs);
  return {};
}

// JSON texts are UTF-8, but class names may have any bytes. Names that are not UTF-8 are written as
// hexadecimal digits.
void encode_name(json::Writer& out, const std::string& name) {
  if (json::is_utf8(name)) {
    out.value(name);
    return;
  }
  std::string hex;
  for (const char c : name) hex += formatted("{:02x}", static_cast<unsigned char>(c));
  out.begin_object().key("hex").value(hex).end_object();
}

std::string decode_name(const json::Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value.data)) return *text;
  const std::string& hex = value.at("hex").text();
  std::string name;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned byte = 0;
    const char* const end = hex.data() + std::min(i + 2, hex.size());
    const auto [stop, error] = std::from_chars(hex.data() + i, end, byte, 16);
    if (hex.size() % 2 != 0 || stop != end) throw DataError("not pairs of hexadecimal digits");
    name += static_cast<char>(byte);
  }
  return name;
}

constexpr std::string_view kDouble = "f64", kSingle = "f32";

std::string encode_columns(const ModelInfo& info) {
  json::Writer out;
  out.begin_object().key("features").begin_array();
  for (const std::string& name : info.columns.features) encode_name(out, name);
  out.end_array().key("label");
  encode_name(out, info.columns.label);
  out.key("precision").value(info.precision == CsvPrecision::full ? kDouble : kSingle);
  return out.end_object().take();
}

void decode_columns(const json::Value& value, ModelInfo& info) {
  for (const json::Value& name : value.at("features").array())
    info.columns.features.push_back(decode_name(name));
  info.columns.label = decode_name(value.at("label"));
  const std::string& precision = value.at("precision").text();
  if (precision != kDouble && precision != kSingle)
    throw DataError(formatted("precision {} is neither f32 nor f64", in_quotes(precision)));
  info.precision = precision == kDouble ? CsvPrecision::full : CsvPrecision::single;
}

// Passes the value of `key` to `use`; errors in it are reported with the name of the key.
template <class Use>
void decode(const safetensors::Metadata& metadata, const std::string& key, Use use) {
  constexpr int kDeepest = 4;
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw DataError(formatted("metadata: {} is missing", key));
  try {
    use(json::parse(found->second, kDeepest));
  } catch (const DataError& error) {
    throw DataError(formatted("metadata: {}: {}", key, error.what()));
  }
}

// A value as a message shows it.
std::string value_text(const json::Value& value) {
  json::Writer text;
  if (const auto* const whole = std::get_if<std::uint64_t>(&value.data))
    return text.value(*whole).take();
  if (const auto* const negative = std::get_if<std::int64_t>(&value.data))
    return text.value(*negative).take();
  if (const auto* const real = std::get_if<double>(&value.data)) return text.value(*real).take();
  if (const auto* const string = std::get_if<std::string>(&value.data)) return *string;
  return "...";
}

index_t decode_size(const json::Value& value) {
  const auto* const size = std::get_if<std::uint64_t>(&value.data);
  if (size == nullptr || *size < 1 || *size > std::uint64_t{std::numeric_limits<index_t>::max()})
    throw DataError(
        formatted("{} is no size (a whole number of at least 1)", in_quotes(value_text(value))));
  return static_cast<index_t>(*size);
}

std::vector<index_t> decode_sizes(const json::Value& value) {
  std::vector<index_t> sizes;
  for (const json::Value& size : value.array()) sizes.push_back(decode_size(size));
  return sizes;
}

std::vector<double> decode_numbers(const json::Value& value) {
  std::vector<double> numbers;
  for (const json::Value& number : value.array()) numbers.push_back(number.number());
  return numbers;
}

NetworkSpec decode_spec(const json::Value& value) {
  NetworkSpec spec;
  spec.inputs = decode_size(value.at("inputs"));
  spec.hidden = decode_sizes(value.at("hidden"));
  spec.classes = decode_size(value.at("classes"));
  const std::string& name = value.at("activation").text();
  const std::optional<ActivationKind> kind = activation_by_name(name);
  if (!kind) throw DataError(formatted("activation {} is unknown", in_quotes(name)));
  spec.activation.kind = *kind;
  spec.activation.slope = value.at("slope").number();
  if (!(spec.activation.slope > 0) || !std::isfinite(spec.activation.slope))
    throw DataError("slope must be positive and finite");
  if (const json::Value* const entry = value.find("normalization")) {
    const std::optional<Normalization> normalization = normalization_by_name(entry->text());
    if (!normalization)
      throw DataError(formatted("normalization {} is unknown", in_quotes(entry->text())));
    spec.normalization = *normalization;
  }
  return spec;
}

}  // namespace

safetensors::Metadata encode_metadata(const NetworkSpec& spec, const ModelInfo& info) {
  if (const std::string what = error_text(spec, info); !what.empty())
    throw ArgumentError(formatted("save_model: {}", what));
  json::Writer architecture, names, shape, preprocessing;
  architecture.begin_object();
  architecture.key("inputs").value(spec.inputs);
  architecture.key("hidden").values(spec.hidden);
  architecture.key("classes").value(spec.classes);
  architecture.key("activation").value(std::string_view(activation_name(spec.activation.kind)));
  architecture.key("slope").value(spec.activation.slope);
  if (spec.normalization != Normalization::none)
    architecture.key("normalization")
        .value(std::string_view(normalization_name(spec.normalization)));
  architecture.end_object();
  names.begin_array();
  for (const std::string& name : info.class_names) encode_name(names, name);
  names.end_array();
  shape.values(info.sample_shape);
  preprocessing.begin_object();
  preprocessing.key("offset").values(info.preprocessing.offset);
  preprocessing.key("scale").values(info.preprocessing.scale);
  preprocessing.end_object();
  safetensors::Metadata metadata = {
      {"format", std::string(kFormat)},      {"format_version", std::string(kFormatVersion)},
      {"architecture", architecture.take()}, {"class_names", names.take()},
      {"sample_shape", shape.take()},        {"preprocessing", preprocessing.take()}};
  if (info.columns != ColumnNames{} || info.precision == CsvPrecision::full)
    metadata["columns"] = encode_columns(info);
  return metadata;
}

ModelMetadata decode_metadata(const safetensors::Metadata& metadata) {
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != kFormat)
    throw DataError(
        formatted("not a lamella model: its metadata has no \"format\": \"{}\"", kFormat));
  const auto version = metadata.find("format_version");
  if (version == metadata.end() || version->second != kFormatVersion)
    throw DataError(formatted("format_version {}, where {} can be read",
                              version == metadata.end() ? "is missing" : in_quotes(version->second),
                              kFormatVersion));
  ModelMetadata result;
  decode(metadata, "architecture",
         [&](const json::Value& value) { result.spec = decode_spec(value); });
  decode(metadata, "class_names", [&](const json::Value& value) {
    for (const json::Value& name : value.array())
      result.info.class_names.push_back(decode_name(name));
  });
  decode(metadata, "sample_shape",
         [&](const json::Value& value) { result.info.sample_shape = decode_sizes(value); });
  decode(metadata, "preprocessing", [&](const json::Value& value) {
    result.info.preprocessing.offset = decode_numbers(value.at("offset"));
    result.info.preprocessing.scale = decode_numbers(value.at("scale"));
  });
  if (metadata.contains("columns"))
    decode(metadata, "columns",
           [&](const json::Value& value) { decode_columns(value, result.info); });
  if (const std::string what = error_text(result.spec, result.info); !what.empty())
    throw DataError(formatted("metadata: {}", what));
  return result;
}

}  // namespace lamella::detail
