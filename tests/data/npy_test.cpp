// read_npy: versions, types, orders, and headers that are not what NumPy writes.
#include <bit>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string npy_bytes(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  bytes += version == 1 ? little_endian(static_cast<std::uint16_t>(header.size()))
                        : little_endian(static_cast<std::uint32_t>(header.size()));
  return bytes + header + data;
}

std::string header(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }          \n";
}

class NpyFiles {
 public:
  NdArray read(const std::string& bytes) const {
    return read_npy(write_file(directory_, "a.npy", bytes));
  }
  std::string message(const std::string& bytes) const {
    return message_of<DataError>([&] { read(bytes); });
  }

 private:
  ScratchDirectory directory_;
};

TEST_CASE("NPY types in both byte orders", "[npy]") {
  const NpyFiles files;
  struct Case {
    std::string type;
    std::string big;  // elements, big-endian
    std::size_t size;
    std::vector<double> values;
    std::size_t variant;
  };
  const auto f32 = [](float v) { return big_endian(std::bit_cast<std::uint32_t>(v)); };
  const auto f64 = [](double v) { return big_endian(std::bit_cast<std::uint64_t>(v)); };
  const auto f16 = [](std::uint16_t v) { return big_endian(v); };
  const std::vector<Case> cases = {
      {"b1", std::string("\x00\x01", 2), 1, {0, 1}, 0},
      {"u1", std::string("\x00\xff", 2), 1, {0, 255}, 0},
      {"i1", std::string("\x7f\x80", 2), 1, {127, -128}, 1},
      {"u2", big_endian(std::uint16_t{65535}) + big_endian(std::uint16_t{1}), 2, {65535, 1}, 1},
      {"i2", big_endian(std::int16_t{-2}) + big_endian(std::int16_t{300}), 2, {-2, 300}, 1},
      {"u4", big_endian(4294967295U) + big_endian(1U), 4, {4294967295.0, 1}, 2},
      {"i4", big_endian(-2) + big_endian(70000), 4, {-2, 70000}, 2},
      {"u8",
       big_endian(std::uint64_t{1} << 63) + big_endian(std::uint64_t{5}),
       8,
       {9223372036854775808.0, 5},
       2},
      {"i8",
       big_endian(std::int64_t{-3}) + big_endian(std::int64_t{1} << 40),
       8,
       {-3, 1099511627776.0},
       2},
      {"f4", f32(0.1F) + f32(-2.5F), 4, {0.1F, -2.5}, 1},
      {"f8", f64(0.1) + f64(-1e300), 8, {0.1, -1e300}, 2},
      {"f2", f16(0x3c00) + f16(0xc500), 2, {1, -5}, 1},
      {"f2", f16(0x7bff) + f16(0x0001), 2, {65504, 5.9604644775390625e-8}, 1},
      {"f2", f16(0x0400) + f16(0x8000), 2, {6.103515625e-5, 0}, 1},
  };
  for (const Case& c : cases) {
    INFO(c.type);
    std::string little;
    for (std::size_t at = 0; at < c.big.size(); at += c.size) {
      const std::string element = c.big.substr(at, c.size);
      little.append(element.rbegin(), element.rend());
    }
    const NdArray from_little = files.read(npy_bytes(header("<" + c.type, "(2,)"), little));
    const NdArray from_big = files.read(npy_bytes(header(">" + c.type, "(2,)"), c.big));
    for (const NdArray& array : {from_little, from_big}) {
      CHECK(array.shape == std::vector<index_t>{2});
      CHECK(array.values.index() == c.variant);
      CHECK(as_doubles(array.values) == c.values);
    }
  }
  CHECK(as_doubles(files.read(npy_bytes(header("|u1", "(2,)"), "ab")).values) ==
        std::vector<double>{'a', 'b'});
}

TEST_CASE("half precision infinities and NaN", "[npy]") {
  const auto values = as_doubles(
      NpyFiles()
          .read(npy_bytes(header("<f2", "(3,)"), std::string("\x00\x7c\x00\xfc\x01\x7e", 6)))
          .values);
  CHECK(values[0] == std::numeric_limits<double>::infinity());
  CHECK(values[1] == -std::numeric_limits<double>::infinity());
  CHECK(values[2] != values[2]);
}

TEST_CASE("NPY versions 1 to 3, key order, quotes and blanks", "[npy]") {
  const NpyFiles files;
  for (const int version : {1, 2, 3})
    CHECK(as_doubles(files.read(npy_bytes(header("|u1", "(1, 2)"), "ab", version)).values) ==
          std::vector<double>{'a', 'b'});
  for (const std::string text :
       {"{'shape':(2,),'fortran_order':False,'descr':'|u1'}",
        "  { \"descr\" : \"|u1\" , \"shape\" : ( 2 , ) , \"fortran_order\" : False , } \n"})
    CHECK(files.read(npy_bytes(text, "ab")).shape == std::vector<index_t>{2});
  CHECK(files.read(npy_bytes(header("|u1", "()"), "a")).shape.empty());
  CHECK(files.read(npy_bytes(header("|u1", "(0, 5)"), "")).shape == std::vector<index_t>{0, 5});
  CHECK(as_doubles(files.read(gzipped(npy_bytes(header("|u1", "(1,)"), "a"))).values) ==
        std::vector<double>{'a'});
}

TEST_CASE("Fortran order is rearranged", "[npy]") {
  const NpyFiles files;
  // [[a, b, c], [d, e, f]], first dimension fastest.
  CHECK(as_doubles(files.read(npy_bytes(header("|u1", "(2, 3)", true), "adbecf")).values) ==
        std::vector<double>{'a', 'b', 'c', 'd', 'e', 'f'});
  // Element (i, j, k) of a 2 x 3 x 4 array is 12 i + 4 j + k.
  std::string data;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) data += static_cast<char>(12 * i + 4 * j + k);
  const auto values =
      as_doubles(files.read(npy_bytes(header("|u1", "(2,3,4)", true), data)).values);
  for (std::size_t i = 0; i < 24; ++i) CHECK(values[i] == static_cast<double>(i));
  CHECK(as_doubles(files.read(npy_bytes(header("|u1", "(3,)", true), "abc")).values) ==
        std::vector<double>{'a', 'b', 'c'});
}

TEST_CASE("an NPY file cut anywhere is an error", "[npy]") {
  const NpyFiles files;
  for (const int version : {1, 2}) {
    const std::string bytes = npy_bytes(header("<f4", "(2, 2)"), std::string(16, 'x'), version);
    REQUIRE_NOTHROW(files.read(bytes));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      INFO(length << " of " << bytes.size() << " bytes");
      CHECK_THAT(files.message(bytes.substr(0, length)), ContainsSubstring("truncated"));
    }
    CHECK_THAT(files.message(bytes + "x"), ContainsSubstring("longer than its header says"));
  }
}

TEST_CASE("NPY headers that are refused", "[npy]") {
  const NpyFiles files;
  const auto with = [&](const std::string& text) { return files.message(npy_bytes(text, "ab")); };
  CHECK_THAT(files.message("PK\x03\x04 a zip archive"), ContainsSubstring("not a .npy file"));
  CHECK_THAT(files.message(npy_bytes(header("|u1", "(2,)"), "ab", 4)),
             ContainsSubstring("version 4"));
  CHECK_THAT(with(header("|O", "(2,)")), ContainsSubstring("pickled"));
  CHECK_THAT(with("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,)}"),
             ContainsSubstring("structured"));
  for (const std::string type : {"<c8", "<U4", "|S1", "<M8[ns]", "<f16", "<f1", "|b2", "<i3", "<u",
                                 "", "<", "|f4", "<f44", "f-"}) {
    INFO(type);
    CHECK_THAT(with(header(type, "(2,)")), ContainsSubstring("is not supported"));
  }
  for (const std::string text :
       {"", "{", "{}", "[]", "{'descr': '|u1'}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2.0,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': [2]}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'more': 1}",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} + 1",
        "{'descr': '|u1', 'fortran_order: False, 'shape': (2,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), '",
        "{'descr': '|u1' 'fortran_order': False, 'shape': (2,)}",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}"}) {
    INFO(text);
    CHECK_THAT(with(text), ContainsSubstring("malformed .npy header"));
  }
  std::string many = "(";
  for (int i = 0; i < 33; ++i) many += "1, ";
  CHECK_THAT(with(header("|u1", many + ")")), ContainsSubstring("more than 32 dimensions"));
}

TEST_CASE("NPY headers that promise much cost nothing", "[npy]") {
  const NpyFiles files;
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  for (const std::string shape :
       {"(18446744073709551615,)", "(4294967296, 4294967296)", "(9223372036854775807, 2)",
        "(1000000000000,)", "(0, 18446744073709551615)"})
    for (const std::string type : {"|u1", "<f8"}) {
      INFO(shape << type);
      const std::string bytes = npy_bytes(header(type, shape), "abc");
      reset_largest_allocation();
      CHECK_THROWS_AS(files.read(bytes), DataError);
      CHECK(largest_allocation() < kMiB);
    }
  std::string bytes = "\x93NUMPY\x02";
  bytes += '\0';
  bytes += little_endian(0xfffffff0U) + header("|u1", "(1,)");
  reset_largest_allocation();
  CHECK_THAT(files.message(bytes), ContainsSubstring("not credible"));
  CHECK(largest_allocation() < kMiB);
}

}  // namespace
}  // namespace lamella::test
