// Results as JSON: values that are built up, and written as one line.
//
// Not nlohmann's: destructors of its values allocate, and without memory that ends the program.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_JSON_H_
#define LAMELLA_TOOLS_LAMELLA_IO_JSON_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lamella::cli {

/// A value. Objects keep the order in which their members were added:
///   Json result{{"name", "simd"}, {"threads", 2}};
///   result["sizes"] = Json::array();
class Json {
 public:
  struct Member;

  Json(std::nullptr_t = nullptr);
  Json(bool value);
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) Json(Integer value) : Json(whole(value)) {}
  /// What is not finite is written as null.
  Json(double value);
  Json(std::string value);
  Json(const char* value);
  template <class Item>
  Json(const std::vector<Item>& items) : Json(array()) {
    for (const Item& item : items) push_back(item);
  }
  Json(std::initializer_list<Member> members);

  static Json array();

  /// The member of an object; added, and null, if it is new. A null becomes an object.
  Json& operator[](std::string_view key);
  /// Removes a member of an object.
  void erase(std::string_view key);
  /// Adds to an array.
  void push_back(Json item);

  /// In one line. Bytes that are not UTF-8 become U+FFFD.
  std::string text() const;

 private:
  using Array = std::vector<Json>;
  /// Not a vector of members, since a member is incomplete here.
  struct Object {
    std::vector<std::string> keys;
    std::vector<Json> values;
  };

  template <class Integer>
  static Json whole(Integer value) {
    Json json;
    if constexpr (std::signed_integral<Integer>)
      json.data_ = static_cast<std::int64_t>(value);
    else
      json.data_ = static_cast<std::uint64_t>(value);
    return json;
  }
  void append_to(std::string& text) const;

  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array,
               Object>
      data_;
};

struct Json::Member {
  std::string key;
  Json value;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_JSON_H_
