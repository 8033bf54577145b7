// Fuzz target: the input is a safetensors file. All of its tensors are read.
#include "core/model/safetensors.h"

#include "core/base/json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/safetensors_input.h"

using namespace lamella;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> content = fuzz::safetensors_file({data, size});
  const fuzz::MemoryFile file(content);
  fuzz::reads_or_refuses([&] {
    const detail::safetensors::Reader reader(file.path());
    for (const detail::safetensors::TensorInfo& tensor : reader.tensors()) {
      fuzz::require(tensor.begin <= tensor.end && tensor.end <= content.size(),
                    "a tensor lies outside of the file");
      std::vector<std::byte> bytes(tensor.end - tensor.begin);
      reader.read(tensor, bytes);
    }
    for (const auto& [key, text] : reader.metadata())
      fuzz::require(detail::json::is_utf8(key) && detail::json::is_utf8(text),
                    "metadata are not UTF-8");
  });
  return 0;
}
