// The decoding of array elements; see array_reader.h.
#include "core/data/array_reader.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/sizes.h"
#include "core/base/text.h"
#include "core/platform/huge_pages.h"
#include "core/platform/memory.h"

namespace lamella::detail {
namespace {

// Raw bytes decoded at a time. They fit into the L2 cache, and a false header cannot make the
// reader allocate more than that.
constexpr std::size_t kChunkBytes = std::size_t{1} << 16;

// The unsigned integer in the first sizeof(U) bytes, in the given order.
template <class U>
U load(const std::byte* p, bool big_endian) {
  U value = 0;
  for (std::size_t i = 0; i < sizeof(U); ++i) {
    const std::size_t shift = 8 * (big_endian ? sizeof(U) - 1 - i : i);
    value = static_cast<U>(value | static_cast<U>(static_cast<U>(p[i]) << shift));
  }
  return value;
}

// IEEE half precision; every half is exact in float.
float half_to_float(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const auto fraction = static_cast<float>(bits & 1023);
  float magnitude;
  if (exponent == 31)
    magnitude = fraction == 0 ? std::numeric_limits<float>::infinity()
                              : std::numeric_limits<float>::quiet_NaN();
  else if (exponent == 0)
    magnitude = std::ldexp(fraction, -24);
  else
    magnitude = std::ldexp(1024.0F + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

// As values.reserve(capacity), in memory of huge pages, which have to be requested before the
// memory is written.
template <class T>
void move_to_larger(std::vector<T>& values, std::size_t capacity) {
  std::vector<T> larger;
  larger.reserve(capacity);
  prefer_huge_pages(larger.data(), larger.capacity() * sizeof(T));
  larger.insert(larger.end(), values.begin(), values.end());
  values = std::move(larger);
}

// Reads `count` elements of sizeof(Raw) bytes; `decode` converts each Raw to a T.
template <class Raw, class T, class Decode>
std::vector<T> read_as(ByteSource& source, bool big_endian, std::uint64_t count, Decode decode) {
  constexpr std::size_t kChunk = kChunkBytes / sizeof(Raw);
  std::vector<std::byte> raw(static_cast<std::size_t>(std::min<std::uint64_t>(count, kChunk)) *
                             sizeof(Raw));
  // A false header gets the message about data that are missing, not the one about memory.
  const std::uint64_t real = std::min(count, source.most_bytes_left() / sizeof(Raw));
  require_memory(real * sizeof(T), source.path().string() + ": reading it");
  std::vector<T> values;
  const std::uint64_t start = source.position();
  while (values.size() < count) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(count - values.size(), kChunk));
    const std::span<std::byte> chunk(raw.data(), wanted * sizeof(Raw));
    if (source.read(chunk) != chunk.size())
      source.fail(formatted("truncated: {} bytes of data expected after the header, {} found",
                            count * sizeof(Raw), source.position() - start));
    const std::size_t done = values.size();
    if (values.capacity() < done + wanted)
      move_to_larger(values, static_cast<std::size_t>(std::min<std::uint64_t>(
                                 count, std::max(2 * values.capacity(), done + wanted))));
    values.resize(done + wanted);
    for (std::size_t i = 0; i < wanted; ++i)
      values[done + i] = decode(load<Raw>(raw.data() + i * sizeof(Raw), big_endian));
  }
  std::byte extra;
  if (source.read({&extra, 1}) != 0)
    source.fail(
        formatted("longer than its header says: {} bytes of data expected after the header, "
                  "more found",
                  count * sizeof(Raw)));
  return values;
}

// Integers that float holds exactly become float, wider ones double.
template <class Raw>
Dataset::Features read_integers(ByteSource& source, ElementType type, std::uint64_t count) {
  using Signed = std::make_signed_t<Raw>;
  using T = std::conditional_t<(sizeof(Raw) < 4), float, double>;
  if (type.kind == ElementType::Kind::signed_integer)
    return read_as<Raw, T>(source, type.big_endian, count,
                           [](Raw raw) { return static_cast<T>(static_cast<Signed>(raw)); });
  if constexpr (sizeof(Raw) == 1)
    return read_as<Raw, std::uint8_t>(source, type.big_endian, count, [](Raw raw) { return raw; });
  else
    return read_as<Raw, T>(source, type.big_endian, count,
                           [](Raw raw) { return static_cast<T>(raw); });
}

Dataset::Features read_floats(ByteSource& source, ElementType type, std::uint64_t count) {
  switch (type.bytes) {
    case 2:
      return read_as<std::uint16_t, float>(source, type.big_endian, count, half_to_float);
    case 4:
      return read_as<std::uint32_t, float>(source, type.big_endian, count,
                                           [](auto raw) { return std::bit_cast<float>(raw); });
    default:
      return read_as<std::uint64_t, double>(source, type.big_endian, count,
                                            [](auto raw) { return std::bit_cast<double>(raw); });
  }
}

}  // namespace

Dataset::Features read_elements(ByteSource& source, ElementType type,
                                std::span<const std::uint64_t> shape) {
  // In memory an element takes up to 8 bytes, and every index must fit index_t.
  constexpr auto kLimit = static_cast<std::uint64_t>(std::numeric_limits<index_t>::max()) / 8;
  const std::optional<std::uint64_t> count = element_count(shape);
  const bool indexable = std::ranges::all_of(shape, [](auto d) { return d <= kLimit; });
  if (!count || *count > kLimit || !indexable)
    source.fail(formatted("a shape of {} overflows the address space", shape_text(shape)));
  if (type.kind == ElementType::Kind::floating) return read_floats(source, type, *count);
  switch (type.bytes) {
    case 1:
      return read_integers<std::uint8_t>(source, type, *count);
    case 2:
      return read_integers<std::uint16_t>(source, type, *count);
    case 4:
      return read_integers<std::uint32_t>(source, type, *count);
    default:
      return read_integers<std::uint64_t>(source, type, *count);
  }
}

}  // namespace lamella::detail
