// Fuzz target: the input is an IDX file.
#include <variant>

#include <lamella/readers.h>

#include "tests/fuzz/fuzz.h"

using namespace lamella;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  fuzz::reads_or_refuses([&] {
    const NdArray array = read_idx(file.path());
    std::size_t elements = 1;
    for (const index_t dimension : array.shape) elements *= static_cast<std::size_t>(dimension);
    std::visit([&](const auto& v) { fuzz::require(v.size() == elements, "size and shape differ"); },
               array.values);
  });
  return 0;
}
