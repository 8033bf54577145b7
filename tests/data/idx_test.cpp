// read_idx: every element type, gzip or not, and files that are not what they say.
#include <bit>
#include <cstring>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST_CASE("IDX element types keep their values", "[idx]") {
  const ScratchDirectory directory;
  struct Case {
    unsigned char type;
    std::string data;
    std::vector<double> values;
    std::size_t variant;  // of Dataset::Features
  };
  const auto f32 = [](float v) { return big_endian(std::bit_cast<std::uint32_t>(v)); };
  const auto f64 = [](double v) { return big_endian(std::bit_cast<std::uint64_t>(v)); };
  const std::vector<Case> cases = {
      {0x08, std::string("\x00\x7f\x80\xff", 4), {0, 127, 128, 255}, 0},
      {0x09, std::string("\x00\x7f\x80\xff", 4), {0, 127, -128, -1}, 1},
      {0x0b, std::string("\x01\x02\x80\x00\xff\xff\x00\x00", 8), {258, -32768, -1, 0}, 1},
      {0x0c,
       big_endian(std::int32_t{16777217}) + big_endian(std::int32_t{-1}) +
           big_endian(std::int32_t{-2147483647 - 1}) + big_endian(std::int32_t{2147483647}),
       {16777217, -1, -2147483648.0, 2147483647},
       2},
      {0x0d, f32(1.5F) + f32(-0.1F) + f32(3e38F) + f32(1e-40F), {1.5, -0.1F, 3e38F, 1e-40F}, 1},
      {0x0e, f64(1.5) + f64(-0.1) + f64(1e300) + f64(5e-324), {1.5, -0.1, 1e300, 5e-324}, 2},
  };
  for (const Case& c : cases) {
    INFO("type " << int{c.type});
    const std::string bytes = idx_bytes(c.type, {2, 2}, c.data);
    for (const std::string& content : {bytes, gzipped(bytes)}) {
      const NdArray array = read_idx(write_file(directory, "array", content));
      CHECK(array.shape == std::vector<index_t>{2, 2});
      CHECK(array.values.index() == c.variant);
      CHECK(as_doubles(array.values) == c.values);
    }
  }
}

TEST_CASE("IDX arrays of 1 to 8 dimensions and of no elements", "[idx]") {
  const ScratchDirectory directory;
  for (std::size_t dimensions = 1; dimensions <= 8; ++dimensions) {
    std::vector<std::uint32_t> shape(dimensions, 1);
    shape.back() = 3;
    const NdArray array = read_idx(write_file(directory, "a", idx_bytes(8, shape, "abc")));
    CHECK(array.shape == std::vector<index_t>(shape.begin(), shape.end()));
    CHECK(as_doubles(array.values) == std::vector<double>{'a', 'b', 'c'});
  }
  const NdArray empty = read_idx(write_file(directory, "a", idx_bytes(8, {0, 28, 28}, "")));
  CHECK(empty.shape == std::vector<index_t>{0, 28, 28});
  CHECK(as_doubles(empty.values).empty());
}

TEST_CASE("IDX data longer than one chunk arrive whole", "[idx]") {
  const ScratchDirectory directory;
  std::string data;
  for (std::uint32_t i = 0; i < 100'000; ++i) data += big_endian(i);
  const std::string bytes = idx_bytes(0x0c, {1000, 100}, data);
  for (const std::string& content : {bytes, gzipped(bytes)}) {
    const auto values = as_doubles(read_idx(write_file(directory, "a", content)).values);
    REQUIRE(values.size() == 100'000);
    for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == static_cast<double>(i));
  }
}

TEST_CASE("an IDX file cut anywhere is an error", "[idx]") {
  const ScratchDirectory directory;
  const std::string bytes = idx_bytes(0x0b, {2, 3}, "abcdefghijkl");
  for (const std::string& content : {bytes, gzipped(bytes)}) {
    REQUIRE_NOTHROW(read_idx(write_file(directory, "whole", content)));
    for (std::size_t length = 0; length < content.size(); ++length) {
      INFO(length << " of " << content.size() << " bytes");
      const auto path = write_file(directory, "cut", content.substr(0, length));
      CHECK_THAT(message_of<DataError>([&] { read_idx(path); }), ContainsSubstring("cut: "));
    }
  }
  const auto path = write_file(directory, "cut", bytes.substr(0, bytes.size() - 5));
  CHECK_THAT(message_of<DataError>([&] { read_idx(path); }),
             ContainsSubstring("12 bytes of data expected after the header, 7 found"));
}

TEST_CASE("bytes after IDX data are an error", "[idx]") {
  const ScratchDirectory directory;
  const std::string bytes = idx_bytes(8, {3}, "abc") + "d";
  for (const std::string& content : {bytes, gzipped(bytes)})
    CHECK_THAT(message_of<DataError>([&] { read_idx(write_file(directory, "a", content)); }),
               ContainsSubstring("longer than its header says: 3 bytes"));
}

TEST_CASE("IDX headers that cannot be", "[idx]") {
  const ScratchDirectory directory;
  const auto message = [&](const std::string& content) {
    const auto path = write_file(directory, "a", content);
    return message_of<DataError>([&] { read_idx(path); });
  };
  CHECK_THAT(message("PNG\x0d and more"), ContainsSubstring("not an IDX file"));
  CHECK_THAT(message(idx_bytes(0x0a, {1}, "a")), ContainsSubstring("not an IDX file"));
  CHECK_THAT(message(std::string("\x00\x01\x08\x01\x00\x00\x00\x01x", 9)),
             ContainsSubstring("begins with 00 01 08 01"));
  CHECK_THAT(message(idx_bytes(8, {}, "a")), ContainsSubstring("0 dimensions"));
  CHECK_THAT(message(idx_bytes(8, std::vector<std::uint32_t>(9, 1), "a")),
             ContainsSubstring("9 dimensions; 1 to 8"));
}

TEST_CASE("IDX headers that promise much cost nothing", "[idx]") {
  const ScratchDirectory directory;
  constexpr std::uint32_t kHuge = 0xffffffff;
  for (const unsigned char type : {std::uint8_t{0x08}, std::uint8_t{0x0e}})
    for (std::size_t dimensions = 1; dimensions <= 8; ++dimensions)
      for (const bool compressed : {false, true}) {
        const std::string bytes =
            idx_bytes(type, std::vector<std::uint32_t>(dimensions, kHuge), "abc");
        const auto path = write_file(directory, "a", compressed ? gzipped(bytes) : bytes);
        reset_largest_allocation();
        const std::string message = message_of<DataError>([&] { read_idx(path); });
        CHECK(largest_allocation() < kMiB);
        CHECK_THAT(message, ContainsSubstring(dimensions == 1 ? "truncated" : "overflows"));
      }
}

TEST_CASE("a gzip bomb is not unpacked beyond the declared size", "[idx]") {
  const ScratchDirectory directory;
  const std::string bomb = gzipped(idx_bytes(8, {10}, std::string(64 * kMiB, '\0')));
  REQUIRE(bomb.size() < kMiB);
  const auto path = write_file(directory, "bomb.gz", bomb);
  reset_largest_allocation();
  CHECK_THAT(message_of<DataError>([&] { read_idx(path); }), ContainsSubstring("longer than"));
  CHECK(largest_allocation() < kMiB);
}

TEST_CASE("damaged gzip data are an error, every byte of them", "[idx]") {
  const ScratchDirectory directory;
  const std::string bytes = idx_bytes(8, {200}, std::string(100, 'a') + std::string(100, 'b'));
  const std::string good = gzipped(bytes);
  // Bytes 3 to 9 of a gzip header are flags, time and system: flags matter, the others say nothing
  // of the content.
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (i >= 4 && i <= 9) continue;
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x55);
    INFO("byte " << i);
    CHECK_THROWS_AS(read_idx(write_file(directory, "bad.gz", bad)), DataError);
  }
}

TEST_CASE("files that cannot be read are IoErrors that name them", "[idx]") {
  const ScratchDirectory directory;
  const auto missing = directory.path() / "missing";
  CHECK_THAT(message_of<IoError>([&] { read_idx(missing); }),
             ContainsSubstring(missing.string()) && ContainsSubstring("No such file"));
  CHECK_THAT(message_of<IoError>([&] { read_idx(directory.path()); }),
             ContainsSubstring(directory.path().string()) && ContainsSubstring("directory"));
  const auto file = write_file(directory, "file", "x");
  CHECK_THAT(message_of<IoError>([&] { read_idx(file / "below"); }),
             ContainsSubstring("Not a directory"));
}

}  // namespace
}  // namespace lamella::test
