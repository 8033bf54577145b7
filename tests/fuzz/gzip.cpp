// Fuzz target: gzip'd files. The first byte says whether the rest is one, or is to be compressed
// and then damaged at a place and in a way that the next bytes choose.
//
// Whatever is damaged, the reader gives the bytes that were compressed or an error, never others.
#include <zlib.h>

#include <variant>
#include <vector>

#include <lamella/readers.h>

#include "tests/fuzz/fuzz.h"

using namespace lamella;

namespace {

enum class Damage : std::uint8_t { none, cut, changed, second_member };

std::vector<std::uint8_t> compressed(std::span<const std::uint8_t> plain) {
  z_stream stream{};
  constexpr int kGzip = 16;
  fuzz::require(deflateInit2(&stream, 6, Z_DEFLATED, kGzip + 15, 8, Z_DEFAULT_STRATEGY) == Z_OK,
                "deflateInit2 failed: no fault of the input's");
  std::vector<std::uint8_t> out(deflateBound(&stream, static_cast<uLong>(plain.size())));
  std::vector<std::uint8_t> in(plain.begin(), plain.end());
  stream.next_in = in.data();
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  fuzz::require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflate failed");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// An IDX file with these bytes as its one dimension.
std::vector<std::uint8_t> idx(std::span<const std::uint8_t> values) {
  const auto n = static_cast<std::uint32_t>(values.size());
  std::vector<std::uint8_t> file = {0, 0, 8, 1};
  for (int shift = 24; shift >= 0; shift -= 8)
    file.push_back(static_cast<std::uint8_t>(n >> shift & 0xff));
  file.insert(file.end(), values.begin(), values.end());
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  if (bytes.flag()) {
    const fuzz::MemoryFile file(bytes.rest());
    fuzz::reads_or_refuses([&] { read_idx(file.path()); });
    return 0;
  }
  const auto damage = static_cast<Damage>(bytes.below(4));
  const std::size_t place = bytes.take() + 256U * bytes.take();
  const std::uint8_t change = bytes.take();
  const std::vector<std::uint8_t> plain = idx(bytes.rest());
  std::vector<std::uint8_t> content;
  if (damage == Damage::second_member) {  // two members are read as one file
    const std::span<const std::uint8_t> all(plain);
    const std::size_t middle = place % plain.size();
    content = compressed(all.first(middle));
    const auto second = compressed(all.subspan(middle));
    content.insert(content.end(), second.begin(), second.end());
  } else {
    content = compressed(plain);
  }
  constexpr std::size_t kMagic = 2;  // without it the file is no gzip'd one
  const std::size_t at = kMagic + place % (content.size() - kMagic);
  if (damage == Damage::cut) content.resize(at);
  if (damage == Damage::changed) content[at] ^= change;
  const fuzz::MemoryFile file(content);
  fuzz::reads_or_refuses([&] {
    const NdArray array = read_idx(file.path());
    const auto* const values = std::get_if<std::vector<std::uint8_t>>(&array.values);
    fuzz::require(values != nullptr && std::ranges::equal(*values, bytes.rest()),
                  "other bytes than those that were compressed");
  });
  return 0;
}
