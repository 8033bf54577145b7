// JSON values: members, and their text.
#include "tools/lamella/io/json.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace {

/// Bytes of the character of UTF-8 that `text` begins with; 0 if it begins with none.
std::size_t character_size(std::string_view text) {
  const auto byte = [text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xc2 && lead <= 0xdf   ? 2
                           : (lead & 0xf0) == 0xe0        ? 3
                           : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                          : 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  const unsigned second = byte(1);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
      (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
    return 0;
  return size;
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  constexpr std::string_view kShortEscapes = "\"\"\\\\\bb\ff\nn\rr\tt";  // pairs
  out += '"';
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    std::size_t escape = 0;
    while (escape < kShortEscapes.size() && kShortEscapes[escape] != text[0]) escape += 2;
    if (size == 0)
      out += kReplacement;
    else if (escape < kShortEscapes.size())
      (out += '\\') += kShortEscapes[escape + 1];
    else if (static_cast<unsigned char>(text[0]) < 0x20)
      out += formatted("\\u{:04x}", static_cast<unsigned>(text[0]));
    else
      out += text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  out += '"';
}

/// The shortest digits that read back as the same number, and a sign that it may have a fraction.
void append_real(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const std::string digits = formatted("{}", value);
  out += digits;
  if (digits.find_first_of(".e") == digits.npos) out += ".0";
}

}  // namespace

Json::Json(std::nullptr_t) {}
Json::Json(bool value) : data_(value) {}
Json::Json(double value) : data_(value) {}
Json::Json(std::string value) : data_(std::move(value)) {}
Json::Json(const char* value) : data_(std::string(value)) {}
Json::Json(std::initializer_list<Member> members) : data_(Object()) {
  for (const Member& member : members) (*this)[member.key] = member.value;
}

Json Json::array() {
  Json json;
  json.data_ = Array();
  return json;
}

Json& Json::operator[](std::string_view key) {
  if (std::holds_alternative<std::nullptr_t>(data_)) data_ = Object();
  Object& object = std::get<Object>(data_);
  const auto found = std::ranges::find(object.keys, key);
  if (found != object.keys.end())
    return object.values[static_cast<std::size_t>(found - object.keys.begin())];
  object.values.emplace_back();
  object.keys.emplace_back(key);
  return object.values.back();
}

void Json::erase(std::string_view key) {
  Object& object = std::get<Object>(data_);
  const auto found = std::ranges::find(object.keys, key);
  if (found == object.keys.end()) return;
  object.values.erase(object.values.begin() + (found - object.keys.begin()));
  object.keys.erase(found);
}

void Json::push_back(Json item) { std::get<Array>(data_).push_back(std::move(item)); }

std::string Json::text() const {
  std::string text;
  append_to(text);
  return text;
}

void Json::append_to(std::string& text) const {
  std::visit(
      [&text](const auto& value) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::nullptr_t>) {
          text += "null";
        } else if constexpr (std::is_same_v<Value, bool>) {
          text += value ? "true" : "false";
        } else if constexpr (std::is_same_v<Value, double>) {
          append_real(text, value);
        } else if constexpr (std::is_integral_v<Value>) {
          text += formatted("{}", value);
        } else if constexpr (std::is_same_v<Value, std::string>) {
          append_quoted(text, value);
        } else if constexpr (std::is_same_v<Value, Array>) {
          text += '[';
          for (const Json& item : value) {
            if (&item != &value.front()) text += ',';
            item.append_to(text);
          }
          text += ']';
        } else {
          text += '{';
          for (std::size_t i = 0; i < value.keys.size(); ++i) {
            if (i > 0) text += ',';
            append_quoted(text, value.keys[i]);
            text += ':';
            value.values[i].append_to(text);
          }
          text += '}';
        }
      },
      data_);
}

}  // namespace lamella::cli
