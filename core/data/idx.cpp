// The IDX reader (MNIST's format): two zero bytes, an element type, the number of dimensions, each
// dimension as a big-endian 32-bit number, then the elements, big-endian, the last dimension
// fastest.
#include <array>
#include <optional>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "core/base/format.h"
#include "core/data/array_reader.h"

namespace lamella {

using namespace detail;

namespace {

constexpr unsigned kMaxDimensions = 8;

std::optional<ElementType> idx_element_type(std::uint8_t code) {
  using enum ElementType::Kind;
  switch (code) {
    case 0x08:
      return ElementType{unsigned_integer, 1, true};
    case 0x09:
      return ElementType{signed_integer, 1, true};
    case 0x0b:
      return ElementType{signed_integer, 2, true};
    case 0x0c:
      return ElementType{signed_integer, 4, true};
    case 0x0d:
      return ElementType{floating, 4, true};
    case 0x0e:
      return ElementType{floating, 8, true};
    default:
      return std::nullopt;
  }
}

}  // namespace

NdArray read_idx(const std::filesystem::path& path) {
  ByteSource source(path);
  std::array<std::byte, 4> magic{};
  source.read_exactly(magic, "the magic number");
  const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(magic[i]); };
  const auto type = idx_element_type(static_cast<std::uint8_t>(byte(2)));
  if (byte(0) != 0 || byte(1) != 0 || !type)
    source.fail(
        formatted("not an IDX file: it begins with {:02x} {:02x} {:02x} {:02x}, not with 00 00 "
                  "and an element type (08, 09, 0b, 0c, 0d or 0e)",
                  byte(0), byte(1), byte(2), byte(3)));
  const unsigned dimensions = byte(3);
  if (dimensions < 1 || dimensions > kMaxDimensions)
    source.fail(
        formatted("byte 3 says {} dimensions; 1 to {} are supported", dimensions, kMaxDimensions));
  std::vector<std::uint64_t> shape(dimensions);
  for (std::uint64_t& dimension : shape) {
    std::array<std::byte, 4> bytes{};
    source.read_exactly(bytes, "the dimensions");
    for (const std::byte b : bytes) dimension = dimension << 8 | std::to_integer<unsigned>(b);
  }
  return {read_elements(source, *type, shape), {shape.begin(), shape.end()}};
}

}  // namespace lamella
