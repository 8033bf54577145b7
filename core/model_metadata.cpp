// The words of a model file, to and from JSON; see model_metadata.h.
//
//   format          "lamella"
//   format_version  "1"
//   architecture    {"inputs": 784, "hidden": [512, 256], "classes": 10, "activation": "relu",
//                    "slope": 0.01}
//   class_names     ["0", "1", ...]; a name that is not UTF-8 is {"hex": BYTES}
//   sample_shape    [28, 28]
//   preprocessing   {"offset": [...], "scale": [...]}
#include "core/model_metadata.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include <lamella/error.h>

#include "core/format.h"
#include "core/text.h"

namespace lamella {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kFormat = "lamella";
constexpr std::string_view kFormatVersion = "1";

constexpr std::array<std::pair<ActivationKind, std::string_view>, 5> kActivations = {
    {{ActivationKind::identity, "identity"},
     {ActivationKind::relu, "relu"},
     {ActivationKind::leaky_relu, "leaky_relu"},
     {ActivationKind::tanh, "tanh"},
     {ActivationKind::sigmoid, "sigmoid"}}};

// What is wrong with `info` for a network of `spec`; empty if nothing.
std::string complaint(const NetworkSpec& spec, const ModelInfo& info) {
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
    if (values->size() > 1 && std::ssize(*values) != spec.inputs)
      return formatted("preprocessing of {} values for {} inputs", values->size(), spec.inputs);
    if (!std::ranges::all_of(*values, [](double v) { return std::isfinite(v); }))
      return "preprocessing that is not finite";
  }
  return {};
}

// JSON texts are UTF-8; class names are whatever the data's file had. Others travel as hex digits.
ordered_json encode_name(const std::string& name) {
  try {
    static_cast<void>(ordered_json(name).dump());
    return name;
  } catch (const ordered_json::type_error&) {
    std::string hex;
    for (const char c : name) hex += formatted("{:02x}", static_cast<unsigned char>(c));
    return {{"hex", hex}};
  }
}

std::string decode_name(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  const auto& hex = value.at("hex").get_ref<const std::string&>();
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

// Refuses what would recurse too deep on destruction, and repeated keys, which would go unnoticed.
class StrictEvents {
 public:
  bool operator()(int depth, json::parse_event_t event, json& value) {
    constexpr int kDeepest = 4;
    if (depth > kDeepest) throw DataError("nested too deep");
    if (event == json::parse_event_t::object_start) keys_.clear();
    if (event == json::parse_event_t::key && !keys_.insert(value.get<std::string>()).second)
      throw DataError(formatted("key {} is there twice", in_quotes(value.get<std::string>())));
    return true;
  }

 private:
  std::set<std::string> keys_;  // of the innermost object; no value here has an object in an object
};

// The value of `key`, passed to `use`; whatever is wrong with it is reported with the key's name.
template <class Use>
void decode(const safetensors::Metadata& metadata, const std::string& key, Use use) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw DataError(formatted("metadata: {} is missing", key));
  try {
    use(json::parse(found->second, StrictEvents()));
  } catch (const json::exception& error) {
    constexpr std::size_t kLongest = 200;  // the message may quote a token of any length
    throw DataError(
        formatted("metadata: {}: {}", key, std::string_view(error.what()).substr(0, kLongest)));
  } catch (const DataError& error) {
    throw DataError(formatted("metadata: {}: {}", key, error.what()));
  }
}

index_t decode_size(const json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 ||
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<index_t>::max()})
    throw DataError(formatted("{} is no size (a whole number of at least 1)",
                              in_quotes(value.is_structured() ? "..." : value.dump())));
  return static_cast<index_t>(value.get<std::uint64_t>());
}

std::vector<index_t> decode_sizes(const json& value) {
  std::vector<index_t> sizes;
  for (const json& size : value.get_ref<const json::array_t&>()) sizes.push_back(decode_size(size));
  return sizes;
}

NetworkSpec decode_spec(const json& value) {
  NetworkSpec spec;
  spec.inputs = decode_size(value.at("inputs"));
  spec.hidden = decode_sizes(value.at("hidden"));
  spec.classes = decode_size(value.at("classes"));
  const auto& name = value.at("activation").get_ref<const std::string&>();
  const auto* const found =
      std::ranges::find(kActivations, name, &std::pair<ActivationKind, std::string_view>::second);
  if (found == kActivations.end())
    throw DataError(formatted("activation {} is unknown", in_quotes(name)));
  spec.activation.kind = found->first;
  spec.activation.slope = value.at("slope").get<double>();
  if (!(spec.activation.slope > 0) || !std::isfinite(spec.activation.slope))
    throw DataError("slope must be positive and finite");
  return spec;
}

}  // namespace

safetensors::Metadata encode_metadata(const NetworkSpec& spec, const ModelInfo& info) {
  if (const std::string what = complaint(spec, info); !what.empty())
    throw ArgumentError(formatted("save_model: {}", what));
  const auto* const activation = std::ranges::find(
      kActivations, spec.activation.kind, &std::pair<ActivationKind, std::string_view>::first);
  const ordered_json architecture = {{"inputs", spec.inputs},
                                     {"hidden", spec.hidden},
                                     {"classes", spec.classes},
                                     {"activation", activation->second},
                                     {"slope", spec.activation.slope}};
  ordered_json names = ordered_json::array();
  for (const std::string& name : info.class_names) names.push_back(encode_name(name));
  const ordered_json preprocessing = {{"offset", info.preprocessing.offset},
                                      {"scale", info.preprocessing.scale}};
  return {{"format", std::string(kFormat)},
          {"format_version", std::string(kFormatVersion)},
          {"architecture", architecture.dump()},
          {"class_names", names.dump()},
          {"sample_shape", ordered_json(info.sample_shape).dump()},
          {"preprocessing", preprocessing.dump()}};
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
  decode(metadata, "architecture", [&](const json& value) { result.spec = decode_spec(value); });
  decode(metadata, "class_names", [&](const json& value) {
    for (const json& name : value.get_ref<const json::array_t&>())
      result.info.class_names.push_back(decode_name(name));
  });
  decode(metadata, "sample_shape",
         [&](const json& value) { result.info.sample_shape = decode_sizes(value); });
  decode(metadata, "preprocessing", [&](const json& value) {
    result.info.preprocessing.offset = value.at("offset").get<std::vector<double>>();
    result.info.preprocessing.scale = value.at("scale").get<std::vector<double>>();
  });
  if (const std::string what = complaint(result.spec, result.info); !what.empty())
    throw DataError(formatted("metadata: {}", what));
  return result;
}

}  // namespace lamella
