// The safetensors container: what is written is read back, and no hostile header gets through.
#include "core/model/safetensors.h"

#include <algorithm>

#include <lamella/error.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using safetensors::Metadata;
using safetensors::Reader;
using safetensors::TensorData;

std::string container(const std::string& header, const std::string& data) {
  return little_endian(std::uint64_t{header.size()}) + header + data;
}

class Containers {
 public:
  Reader open(const std::string& bytes) const {
    return Reader(write_file(directory_, "m.safetensors", bytes));
  }
  std::string message(const std::string& header, const std::string& data = "") const {
    return raw_message(container(header, data));
  }
  std::string raw_message(const std::string& bytes) const {
    const std::string text = message_of<DataError>([&] { open(bytes); });
    const std::string path = (directory_.path() / "m.safetensors: ").string();
    return text.starts_with(path) ? text.substr(path.size()) : "(no path) " + text;
  }
  const ScratchDirectory& directory() const { return directory_; }

 private:
  ScratchDirectory directory_;
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string content(const Reader& reader, std::size_t tensor) {
  const auto& info = reader.tensors().at(tensor);
  std::string bytes(info.end - info.begin, '\0');
  reader.read(info, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

TEST_CASE("tensors and metadata are read back", "[safetensors]") {
  const Containers files;
  const auto path = files.directory().path() / "out";
  const std::string a = "0123456789abcdefghijklmn", b = "abc", c;
  const Metadata metadata = {{"k", "v"}, {"quote\" \\ \n", "caf\xc3\xa9 \x01"}, {"", ""}};
  const std::vector<TensorData> tensors = {{"second", "F32", {2, 3}, bytes_of(a)},
                                           {"first", "U8", {3}, bytes_of(b)},
                                           {"empty", "F64", {0, 5}, bytes_of(c)},
                                           {"scalar", "I8", {}, bytes_of(b).first(1)}};
  safetensors::write(path, metadata, tensors);
  const Reader reader(path);
  CHECK(reader.metadata() == metadata);
  REQUIRE(reader.tensors().size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(reader.tensors()[i].name == tensors[i].name);
    CHECK(reader.tensors()[i].dtype == tensors[i].dtype);
    CHECK(reader.tensors()[i].shape == tensors[i].shape);
    const std::string bytes = content(reader, i);
    CHECK(std::ranges::equal(bytes_of(bytes), tensors[i].bytes));
  }
  const std::string first = read_file(path);
  safetensors::write(path, metadata, tensors);
  CHECK(read_file(path) == first);
}

TEST_CASE("the bytes are those of the format", "[safetensors]") {
  const Containers files;
  const auto path = files.directory().path() / "out";
  safetensors::write(path, {{"a", "b"}},
                     std::vector<TensorData>{{"t", "U8", {2}, bytes_of("xy").first(2)}});
  const std::string header =
      R"({"__metadata__":{"a":"b"},"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  CHECK(read_file(path) == container(header + padding, "xy"));
}

TEST_CASE("tensors may stand in the header in any order", "[safetensors]") {
  const Containers files;
  const Reader reader =
      files.open(container(R"({"b":{"data_offsets":[1,3],"shape":[2],"dtype":"U8"},)"
                           R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   )",
                           "xyz"));
  CHECK(reader.tensors()[0].name == "a");
  CHECK(content(reader, 1) == "yz");
  CHECK(reader.metadata().empty());
  CHECK(files.open(container("{}", "")).tensors().empty());
}

TEST_CASE("a safetensors file cut anywhere, or longer, is an error", "[safetensors]") {
  const Containers files;
  const std::string whole =
      container(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "12345678");
  REQUIRE_NOTHROW(files.open(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO(length << " of " << whole.size() << " bytes");
    CHECK_THROWS_AS(files.open(whole.substr(0, length)), DataError);
  }
  CHECK_THAT(files.raw_message(whole + "x"),
             ContainsSubstring("9 bytes of data, of which tensors take 8"));
}

TEST_CASE("hostile safetensors headers", "[safetensors]") {
  const Containers files;
  struct Case {
    std::string header;
    std::string data;
    std::string message;
  };
  const std::string good = R"("dtype":"U8","shape":[2],"data_offsets":[0,2])";
  const std::vector<Case> cases = {
      {"", "", "does not begin with '{'"},
      {" {}", "", "does not begin with '{'"},
      {"[]", "", "does not begin with '{'"},
      {"{", "", "not JSON"},
      {"{} x", "", "not JSON"},
      {"{}{}", "", "not JSON"},
      {"{\"\xff\":{}}", "", "not JSON"},
      {R"({"a":1})", "", "a number has no place here"},
      {R"({"a":"x"})", "", "text has no place here"},
      {R"({"a":null})", "", "null has no place here"},
      {R"({"a":[]})", "", "an array has no place here"},
      {R"({"a":{}})", "", "must all be there"},
      {"{\"a\":{" + good + "}}", "x", "not within the 1 bytes of data"},
      {"{\"a\":{" + good + R"(,"more":1}})", "xy", "unknown key 'more'"},
      {"{\"a\":{" + good + R"(,"dtype":"U8"}})", "xy", "key 'dtype' is there twice"},
      {"{\"a\":{" + good + R"(,"shape":[2]}})", "xy", "key 'shape' is there twice"},
      {"{\"a\":{" + good + "},\"a\":{" + good + "}}", "xy", "key 'a' is there twice"},
      {"{\"a\":{" + good + "},\"b\":{" + good + "}}", "xy", "'b': begins at byte 0 of the data"},
      {R"({"__metadata__":{"k":"v","k":"w"}})", "", "metadata: key 'k' is there twice"},
      {R"({"__metadata__":{"k":1}})", "", "metadata: a number has no place here"},
      {R"({"__metadata__":{"k":{}}})", "", "metadata: an object has no place here"},
      {R"({"__metadata__":{"k":["v"]}})", "", "metadata: an array has no place here"},
      {R"({"__metadata__":["k"]})", "", "an array has no place here"},
      {R"({"__metadata__":{},"__metadata__":{}})", "", "key '__metadata__' is there twice"},
      {R"({"a":{"dtype":"F33","shape":[2],"data_offsets":[0,2]}})", "xy", "dtype 'F33' is unknown"},
      {R"({"a":{"dtype":8,"shape":[2],"data_offsets":[0,2]}})", "xy", "a number has no place"},
      {R"({"a":{"dtype":["U8"],"shape":[2],"data_offsets":[0,2]}})", "xy", "an array has no place"},
      {R"({"a":{"dtype":"U8","shape":2,"data_offsets":[0,2]}})", "xy", "a number has no place"},
      {R"({"a":{"dtype":"U8","shape":"2","data_offsets":[0,2]}})", "xy", "text has no place"},
      {R"({"a":{"dtype":"U8","shape":[[2]],"data_offsets":[0,2]}})", "xy", "an array has no place"},
      {R"({"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}})", "xy", "a negative number"},
      {R"({"a":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}})", "xy", "not whole"},
      {R"({"a":{"dtype":"U8","shape":[18446744073709551618],"data_offsets":[0,2]}})", "xy",
       "not below 2^64"},
      {R"({"a":{"dtype":"U8","shape":[true],"data_offsets":[0,2]}})", "xy", "a boolean"},
      {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}})", "xy",
       "2 bytes, where U8 of shape 3 takes 3"},
      {R"({"a":{"dtype":"F64","shape":[2305843009213693953],"data_offsets":[0,8]}})", "12345678",
       "overflows"},
      {R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", "",
       "overflows"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0]}})", "xy", "has 1 numbers and not 2"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1,2]}})", "xy", "has 3 numbers"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}})", "xy", "not within"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", "xyz", "where byte 0 is next"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[18446744073709551614,18446744073709551615]}})",
       "xy", "not within"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
       "xyz", "'b': begins at byte 2 of the data, where byte 1 is next"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       "xyz", "where byte 2 is next"},
  };
  for (const Case& c : cases) {
    INFO(c.header);
    CHECK_THAT(files.message(c.header, c.data), ContainsSubstring(c.message));
  }
}

TEST_CASE("lengths that lie and depth that would overflow a stack", "[safetensors]") {
  const Containers files;
  reset_largest_allocation();
  for (const std::uint64_t length :
       {std::uint64_t{100'000'001}, std::uint64_t{1} << 63, ~std::uint64_t{0}})
    CHECK_THAT(files.raw_message(little_endian(length) + "{}"),
               ContainsSubstring("more than the 100000000 allowed"));
  CHECK_THAT(files.raw_message(little_endian(std::uint64_t{99'999'999}) + "{}"),
             ContainsSubstring("truncated: 10 bytes"));
  CHECK(largest_allocation() < 1 << 20);
  constexpr std::size_t kDepth = 5'000'000;
  CHECK_THAT(files.message("{\"a\":" + std::string(kDepth, '[')), ContainsSubstring("an array"));
  std::string objects;
  for (std::size_t i = 0; i < kDepth / 5; ++i) objects += "{\"a\":";
  CHECK_THAT(files.message(objects), ContainsSubstring("unknown key"));
  CHECK_THAT(files.message("{\"a\":" + std::string(1'000'000, 'x')), ContainsSubstring("not JSON"));
  CHECK(files.message("{\"a\":" + std::string(1'000'000, '1')).size() < 400);
}

TEST_CASE("what cannot be written as safetensors", "[safetensors]") {
  const Containers files;
  const auto refusal = [&](const Metadata& metadata, const std::vector<TensorData>& tensors) {
    return message_of<ArgumentError>(
        [&] { safetensors::write(files.directory().path() / "out", metadata, tensors); });
  };
  const std::string data = "12";
  CHECK_THAT(refusal({}, {{"a", "U8", {3}, bytes_of(data)}}), ContainsSubstring("2 bytes"));
  CHECK_THAT(refusal({}, {{"a", "X8", {2}, bytes_of(data)}}), ContainsSubstring("X8"));
  CHECK_THAT(refusal({}, {{"a", "U8", {2}, bytes_of(data)}, {"a", "U8", {2}, bytes_of(data)}}),
             ContainsSubstring("'a' is taken"));
  CHECK_THAT(refusal({}, {{"__metadata__", "U8", {2}, bytes_of(data)}}),
             ContainsSubstring("is taken"));
  CHECK_THAT(refusal({{"k", "\xff"}}, {}), ContainsSubstring("not UTF-8"));
  CHECK(std::filesystem::is_empty(files.directory().path()));
}

TEST_CASE("safetensors files that cannot be read", "[safetensors]") {
  const ScratchDirectory directory;
  CHECK_THAT(message_of<IoError>([&] { Reader(directory.path() / "no"); }),
             ContainsSubstring("No such file"));
  CHECK_THAT(message_of<IoError>([&] { Reader{directory.path()}; }),
             ContainsSubstring("directory"));
  CHECK_THAT(message_of<IoError>([] { Reader("/dev/zero"); }),
             ContainsSubstring("not a regular file"));
}

}  // namespace
}  // namespace lamella::test
