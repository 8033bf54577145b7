// Fuzz target: the input is a NumPy file; its first byte says whether it is one as it stands, or
// the header's text and the data, to which what comes before the text is added.
#include <variant>
#include <vector>

#include <lamella/readers.h>

#include "tests/fuzz/fuzz.h"

using namespace lamella;

namespace {

// MAGIC, version 1.0, the length of the header, the header up to a line feed, the data.
std::vector<std::uint8_t> assembled(fuzz::Bytes bytes) {
  const auto rest = bytes.rest();
  const auto line_feed = std::find(rest.begin(), rest.end(), '\n');
  const auto length = static_cast<std::size_t>(line_feed - rest.begin()) + 1;
  std::vector<std::uint8_t> file = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  file.push_back(static_cast<std::uint8_t>(length & 0xff));
  file.push_back(static_cast<std::uint8_t>(length >> 8 & 0xff));
  file.insert(file.end(), rest.begin(), rest.end());
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  const bool as_it_stands = bytes.flag();
  const std::vector<std::uint8_t> made =
      as_it_stands ? std::vector<std::uint8_t>{} : assembled(bytes);
  const fuzz::MemoryFile file(as_it_stands ? bytes.rest() : made);
  fuzz::reads_or_refuses([&] {
    const NdArray array = read_npy(file.path());
    std::size_t elements = 1;
    for (const index_t dimension : array.shape) elements *= static_cast<std::size_t>(dimension);
    std::visit([&](const auto& v) { fuzz::require(v.size() == elements, "size and shape differ"); },
               array.values);
  });
  return 0;
}
