// The metadata of a checkpoint, to and from JSON; see run_metadata.h.
//
//   run            {"version": 1, "epoch": 3, ..., "last": {...}, "best": {...}}
//   run_settings   {NAME: TEXT, ...}
#include "core/model/run_metadata.h"

#include <cmath>
#include <concepts>
#include <limits>
#include <string>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/text.h"

namespace lamella::detail {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr int kDeepest = 3;
constexpr const char* kRunKey = "run";
constexpr const char* kSettingsKey = "run_settings";

// Calls visit(name, member) for each number. Const or not, and so for writing and for reading.
template <class Report, class Visit>
void visit_report(Report& report, Visit visit) {
  visit("epoch", report.epoch);
  visit("learning_rate", report.learning_rate);
  visit("train_loss", report.train_loss);
  visit("train_accuracy", report.train_accuracy);
  visit("validation_loss", report.validation_loss);
  visit("validation_accuracy", report.validation_accuracy);
  visit("test_loss", report.test_loss);
  visit("test_accuracy", report.test_accuracy);
  visit("seconds", report.seconds);
  visit("samples_per_second", report.samples_per_second);
  visit("best_epoch", report.best_epoch);
}

template <class Run, class Visit>
void visit_run(Run& run, Visit visit) {
  auto& state = run.state;
  visit("epoch", state.epoch);
  visit("samples_done", state.samples_done);
  visit("loss_sum", state.total.loss_sum);
  visit("weight_sum", state.total.weight_sum);
  visit("correct", state.total.correct);
  visit("samples_learnt", state.samples_learnt);
  visit("learning_rate", state.learning_rate);
  visit("seconds", state.seconds);
  visit("seconds_of_epochs", state.seconds_of_epochs);
  visit("epochs_without_improvement", state.epochs_without_improvement);
  visit("plateau_factor", state.plateau.factor);
  visit("plateau_best", state.plateau.best);
  visit("plateau_epochs", state.plateau.epochs_without_improvement);
  visit("plateau_cooldown", state.plateau.cooldown);
  visit("average_steps", run.average_steps);
  visit("averaged", run.averaged);
  visit("adam_steps", run.adam_steps);
}

class Encoder {
 public:
  explicit Encoder(json::Writer& out) : out_(out) {}

  void operator()(const char* name, double number) const {
    out_.key(name);
    // JSON has no other numbers than finite ones.
    if (std::isfinite(number))
      out_.value(number);
    else
      out_.value(std::string_view(std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf"));
  }
  void operator()(const char* name, const std::optional<double>& number) const {
    if (number) (*this)(name, *number);
  }
  template <std::integral Number>
  void operator()(const char* name, Number number) const {
    out_.key(name).value(number);
  }

 private:
  json::Writer& out_;
};

class Decoder {
 public:
  explicit Decoder(const json::Value& object) : object_(object) {}

  void operator()(const char* name, double& number) const { number = real(object_.at(name)); }
  void operator()(const char* name, std::optional<double>& number) const {
    const json::Value* const value = find(name);
    if (value != nullptr) number = real(*value);
  }
  template <std::integral Number>
  void operator()(const char* name, Number& number) const {
    const auto* const whole = std::get_if<std::uint64_t>(&object_.at(name).data);
    if (whole == nullptr || *whole > std::uint64_t{std::numeric_limits<index_t>::max()})
      throw DataError(formatted("{} is no whole number from 0 to 2^63 - 1", name));
    number = static_cast<Number>(*whole);
  }
  const json::Value* find(std::string_view name) const {
    const auto* const members = std::get_if<json::Value::Object>(&object_.data);
    if (members == nullptr) throw DataError("not an object");
    for (const json::Member& member : *members)
      if (member.key == name) return &member.value;
    return nullptr;
  }

 private:
  static double real(const json::Value& value) {
    const auto* const text = std::get_if<std::string>(&value.data);
    if (text == nullptr) return value.number();
    if (*text == "inf") return std::numeric_limits<double>::infinity();
    if (*text == "-inf") return -std::numeric_limits<double>::infinity();
    if (*text == "nan") return std::numeric_limits<double>::quiet_NaN();
    throw DataError(formatted("{} is no number", in_quotes(*text)));
  }

  const json::Value& object_;
};

void encode_report(json::Writer& out, const char* name, const EpochReport& report) {
  if (report.epoch == 0) return;
  out.key(name).begin_object();
  visit_report(report, Encoder(out));
  out.end_object();
}

void decode_report(const Decoder& run, const char* name, EpochReport& report) {
  if (const json::Value* const value = run.find(name)) visit_report(report, Decoder(*value));
}

void encode_averaging(json::Writer& out, const Averaging& averaging) {
  out.key("averaging").begin_object();
  if (const auto* const moving = std::get_if<ExponentialAverage>(&averaging)) {
    out.key("decay").value(moving->decay);
    out.key("every").value(moving->every);
  } else {
    out.key("first_epoch").value(std::get<EpochAverage>(averaging).first_epoch);
  }
  out.end_object();
}

Averaging decode_averaging(const json::Value& value) {
  const Decoder decode(value);
  if (decode.find("decay") == nullptr) {
    EpochAverage epochs;
    decode("first_epoch", epochs.first_epoch);
    return epochs;
  }
  ExponentialAverage moving;
  decode("decay", moving.decay);
  decode("every", moving.every);
  return moving;
}

const std::string& text_of(const safetensors::Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end())
    throw DataError("a model, but no checkpoint of a run that could go on");
  return found->second;
}

// Any bytes as UTF-8: each byte becomes the character of that number.
std::string as_utf8(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

std::string from_utf8(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes += text[i];
      continue;
    }
    if (++i == text.size() || byte > 0xc3) throw DataError("a character above U+00FF");
    bytes += static_cast<char>((byte & 3) << 6 | (static_cast<unsigned char>(text[i]) & 0x3f));
  }
  return bytes;
}

}  // namespace

bool has_run(const safetensors::Metadata& metadata) { return metadata.contains(kRunKey); }

void encode_run(const RunMetadata& run, const CheckpointSettings& settings,
                safetensors::Metadata& metadata) {
  json::Writer out;
  out.begin_object().key("version").value(kVersion);
  visit_run(run, Encoder(out));
  if (run.averaging) encode_averaging(out, *run.averaging);
  encode_report(out, "last", run.state.last);
  encode_report(out, "best", run.state.best);
  metadata[kRunKey] = out.end_object().take();
  json::Writer texts;
  texts.begin_object();
  for (const auto& [name, text] : settings) texts.key(as_utf8(name)).value(as_utf8(text));
  metadata[kSettingsKey] = texts.end_object().take();
}

RunMetadata decode_run(const safetensors::Metadata& metadata) {
  const json::Value value = json::parse(text_of(metadata, kRunKey), kDeepest);
  try {
    const Decoder decode(value);
    std::uint64_t version = 0;
    decode("version", version);
    if (version != kVersion)
      throw DataError(formatted("version {}, where {} can be read", version, kVersion));
    RunMetadata run;
    visit_run(run, decode);
    if (const json::Value* const averaging = decode.find("averaging"))
      run.averaging = decode_averaging(*averaging);
    decode_report(decode, "last", run.state.last);
    decode_report(decode, "best", run.state.best);
    return run;
  } catch (const DataError& error) {
    throw DataError(formatted("metadata: run: {}", error.what()));
  }
}

CheckpointSettings decode_settings(const safetensors::Metadata& metadata) {
  const json::Value value = json::parse(text_of(metadata, kSettingsKey), kDeepest);
  const auto* const members = std::get_if<json::Value::Object>(&value.data);
  if (members == nullptr) throw DataError("metadata: run_settings: not an object");
  CheckpointSettings settings;
  for (const json::Member& member : *members)
    settings[from_utf8(member.key)] = from_utf8(member.value.text());
  return settings;
}

}  // namespace lamella::detail
