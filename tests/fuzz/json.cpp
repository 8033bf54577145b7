// Fuzz target: the input is a JSON text. What is read is written, and read again as the same.
#include "core/base/json.h"

#include <variant>

#include "tests/fuzz/fuzz.h"

using namespace lamella;
namespace json = lamella::detail::json;

namespace {

constexpr int kDeepest = 32;

// False for a value that Writer has no words for: null and booleans are in no file of lamella's.
bool write(json::Writer& out, const json::Value& value) {
  if (const auto* const array = std::get_if<json::Value::Array>(&value.data)) {
    out.begin_array();
    for (const json::Value& item : *array)
      if (!write(out, item)) return false;
    out.end_array();
  } else if (const auto* const object = std::get_if<json::Value::Object>(&value.data)) {
    out.begin_object();
    for (const json::Member& member : *object) {
      out.key(member.key);
      if (!write(out, member.value)) return false;
    }
    out.end_object();
  } else if (const auto* const text = std::get_if<std::string>(&value.data)) {
    out.value(std::string_view(*text));
  } else if (const auto* const whole = std::get_if<std::uint64_t>(&value.data)) {
    out.value(*whole);
  } else if (const auto* const negative = std::get_if<std::int64_t>(&value.data)) {
    out.value(*negative);
  } else if (const auto* const real = std::get_if<double>(&value.data)) {
    out.value(*real);
  } else {
    return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = fuzz::Bytes(data, size).text();
  fuzz::reads_or_refuses([&] {
    const json::Value value = json::parse(text, kDeepest);
    json::Writer first;
    if (!write(first, value)) return;
    const std::string written = first.take();
    json::Writer second;
    fuzz::require(write(second, json::parse(written, kDeepest)), "a value has lost its type");
    fuzz::require(second.take() == written, "what was written is read as something else");
  });
  return 0;
}
