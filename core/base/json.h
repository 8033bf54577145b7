// JSON texts: read as events or as a tree of values, and written.
//
// Not here: what a text means (safetensors_header.h, model_metadata.h). The parser is nlohmann's.
// Only json.cpp includes it, and only its event interface: its templates add 100 kB and more to
// each unit, and its tree of values would double that. Its writer is not used: it writes some
// numbers with one digit more than they need, and a model must be written as the same bytes by
// every version.
#ifndef LAMELLA_CORE_BASE_JSON_H_
#define LAMELLA_CORE_BASE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lamella::detail::json {

/// Receives the elements of a text in their order. An implementation throws to reject one.
class Events {
 public:
  virtual ~Events() = default;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void whole(std::uint64_t value) = 0;    ///< a number without sign, fraction or exponent
  virtual void negative(std::int64_t value) = 0;  ///< one with a sign
  virtual void real(double value) = 0;            ///< any other, also beyond 64 bits; finite
  virtual void text(std::string value) = 0;
  virtual void begin_object() = 0;
  virtual void key(std::string value) = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
};

/// Parses `text`, without recursion, and keeps none of it. Throws DataError "not JSON at byte N:
/// ...", and what `events` throws.
void parse(std::string_view text, Events& events);

struct Member;

/// A value; objects are lists of members in the order of the text.
struct Value {
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;
  // Without an initializer, because clang would need the complete Member here. The default is null.
  std::variant<std::nullptr_t, bool, std::uint64_t, std::int64_t, double, std::string, Array,
               Object>
      data;

  /// The member `key` of an object. This function and the next four throw DataError if the value
  /// is of another type.
  const Value& at(std::string_view key) const;
  /// The same, or null where the object has no such member.
  const Value* find(std::string_view key) const;
  const Array& array() const;
  const std::string& text() const;
  double number() const;
};
struct Member {
  std::string key;
  Value value;
};

/// Parses `text`. Throws DataError as the other parse, for a key that occurs twice in one object,
/// and for arrays and objects that are nested in more than `deepest` levels.
Value parse(std::string_view text, int deepest);

/// Writes a text from front to back. key() writes the name of a member; commas and quotes are added
/// where they belong.
class Writer {
 public:
  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  /// Of text that is UTF-8 (is_utf8).
  Writer& key(std::string_view name);
  Writer& value(std::string_view text);
  Writer& value(std::uint64_t number);
  Writer& value(std::int64_t number);
  /// The shortest digits that read back as the same bits; `number` is finite.
  Writer& value(double number);
  template <class Number>
  Writer& values(const std::vector<Number>& numbers) {
    begin_array();
    for (const Number number : numbers) value(number);
    return end_array();
  }

  std::string take() { return std::move(text_); }

 private:
  Writer& open(char bracket);
  Writer& close(char bracket);
  void separate();
  void quote(std::string_view text);

  std::string text_;
  bool first_ = true;  // the next value is the first of its object or array: it needs no comma
};

/// Whether `text` can be written: well-formed UTF-8.
bool is_utf8(std::string_view text);

}  // namespace lamella::detail::json

#endif  // LAMELLA_CORE_BASE_JSON_H_
