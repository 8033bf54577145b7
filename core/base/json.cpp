// JSON by nlohmann's parser, which is called in its event form only; see json.h.
#include "core/base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/text.h"

namespace lamella::detail::json {
namespace {

// nlohmann's events as ours.
class Adapter final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Adapter(Events& events) : events_(events) {}

  bool null() override { return events_.null(), true; }
  bool boolean(bool value) override { return events_.boolean(value), true; }
  bool number_integer(number_integer_t value) override { return events_.negative(value), true; }
  bool number_unsigned(number_unsigned_t value) override { return events_.whole(value), true; }
  bool number_float(number_float_t value, const string_t&) override {
    return events_.real(value), true;
  }
  bool string(string_t& value) override { return events_.text(std::move(value)), true; }
  bool binary(binary_t&) override { return false; }  // no JSON text has it
  bool start_object(std::size_t) override { return events_.begin_object(), true; }
  bool key(string_t& value) override { return events_.key(std::move(value)), true; }
  bool end_object() override { return events_.end_object(), true; }
  bool start_array(std::size_t) override { return events_.begin_array(), true; }
  bool end_array() override { return events_.end_array(), true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    constexpr std::size_t kLongest = 200;  // the message may quote a token of any length
    throw DataError(formatted("not JSON at byte {}: {}", position,
                              std::string_view(error.what()).substr(0, kLongest)));
  }

 private:
  Events& events_;
};

// Builds a tree. Its depth is limited because destroying it recurses.
class TreeBuilder final : public Events {
 public:
  explicit TreeBuilder(int deepest) : deepest_(deepest) {}

  void null() override { add(nullptr); }
  void boolean(bool value) override { add(value); }
  void whole(std::uint64_t value) override { add(value); }
  void negative(std::int64_t value) override { add(value); }
  void real(double value) override { add(value); }
  void text(std::string value) override { add(std::move(value)); }
  void begin_object() override { open(Value::Object()); }
  void end_object() override { close(); }
  void begin_array() override { open(Value::Array()); }
  void end_array() override { close(); }
  void key(std::string value) override {
    if (!open_.back().keys.insert(value).second)
      throw DataError(formatted("key {} is there twice", in_quotes(value)));
    std::get<Value::Object>(open_.back().value->data).push_back({std::move(value), {}});
  }

  Value root;

 private:
  template <class T>
  Value& add(T&& data) {
    Value* place = &root;
    if (!open_.empty()) {
      auto& parent = open_.back().value->data;
      if (auto* const array = std::get_if<Value::Array>(&parent))
        place = &array->emplace_back();
      else
        place = &std::get<Value::Object>(parent).back().value;
    }
    place->data = std::forward<T>(data);
    return *place;
  }
  // While a value is open nothing is added beside it, so its address stands.
  template <class T>
  void open(T&& container) {
    if (static_cast<int>(open_.size()) == deepest_) throw DataError("nested too deep");
    open_.push_back({&add(std::forward<T>(container)), {}});
  }
  void close() { open_.pop_back(); }

  struct Open {
    Value* value;
    std::set<std::string> keys;
  };
  int deepest_;
  std::vector<Open> open_;
};

template <class Number>
void append_number(std::string& text, Number number) {
  std::array<char, 32> digits;  // a double takes 24 at most
  text.append(digits.data(), std::to_chars(digits.begin(), digits.end(), number).ptr);
}

}  // namespace

void parse(std::string_view text, Events& events) {
  Adapter adapter(events);
  nlohmann::json::sax_parse(text.data(), text.data() + text.size(), &adapter);
}

Value parse(std::string_view text, int deepest) {
  TreeBuilder builder(deepest);
  parse(text, builder);
  return std::move(builder.root);
}

const Value& Value::at(std::string_view key) const {
  const Value* const found = find(key);
  if (found == nullptr) throw DataError(formatted("key {} is missing", in_quotes(key)));
  return *found;
}

const Value* Value::find(std::string_view key) const {
  const auto* const members = std::get_if<Object>(&data);
  if (members == nullptr) throw DataError(formatted("no object with the key {}", in_quotes(key)));
  const auto found = std::ranges::find(*members, key, &Member::key);
  return found == members->end() ? nullptr : &found->value;
}

const Value::Array& Value::array() const {
  if (const auto* const items = std::get_if<Array>(&data)) return *items;
  throw DataError("a value that has to be an array is none");
}

const std::string& Value::text() const {
  if (const auto* const text = std::get_if<std::string>(&data)) return *text;
  throw DataError("a value that has to be text is none");
}

double Value::number() const {
  if (const auto* const whole = std::get_if<std::uint64_t>(&data))
    return static_cast<double>(*whole);
  if (const auto* const negative = std::get_if<std::int64_t>(&data))
    return static_cast<double>(*negative);
  if (const auto* const real = std::get_if<double>(&data)) return *real;
  throw DataError("a value that has to be a number is none");
}

Writer& Writer::key(std::string_view name) {
  separate();
  quote(name);
  text_ += ':';
  first_ = true;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  separate();
  quote(text);
  return *this;
}

Writer& Writer::value(std::uint64_t number) {
  separate();
  append_number(text_, number);
  return *this;
}

Writer& Writer::value(std::int64_t number) {
  separate();
  append_number(text_, number);
  return *this;
}

Writer& Writer::value(double number) {
  separate();
  const std::size_t start = text_.size();
  append_number(text_, number);
  // Without a point it would be read as a whole number, which knows no -0.
  if (text_.find_first_of(".e", start) == std::string::npos) text_ += ".0";
  return *this;
}

Writer& Writer::open(char bracket) {
  separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

Writer& Writer::close(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}

void Writer::separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

void Writer::quote(std::string_view text) {
  text_ += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') text_ += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      text_ += formatted("\\u{:04x}", static_cast<unsigned>(c));
    else
      text_ += c;
  }
  text_ += '"';
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) -> unsigned {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
    };
    const unsigned lead = byte(i);
    const std::size_t length = lead < 0x80                    ? 1
                               : lead >= 0xc2 && lead <= 0xdf ? 2
                               : lead >= 0xe0 && lead <= 0xef ? 3
                               : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                              : 0;
    if (length == 0) return false;
    for (std::size_t k = 1; k < length; ++k)
      if (byte(i + k) < 0x80 || byte(i + k) > 0xbf) return false;
    // The second byte tells overlong forms, surrogates, and what is beyond U+10FFFF.
    const unsigned second = byte(i + 1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
      return false;
    i += length;
  }
  return true;
}

}  // namespace lamella::detail::json
