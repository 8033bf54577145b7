// Inputs of the targets that read safetensors files, in a form that mutations leave well-formed.
#ifndef LAMELLA_TESTS_FUZZ_SAFETENSORS_INPUT_H_
#define LAMELLA_TESTS_FUZZ_SAFETENSORS_INPUT_H_

#include <algorithm>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace lamella::fuzz {

/// A safetensors file. With an odd first byte it is the rest of the input; otherwise the rest is
/// the header's text, a zero byte and the data, and the length before the header is added: a fuzzer
/// that had to keep it right would change little else.
inline std::vector<std::uint8_t> safetensors_file(Bytes bytes) {
  const bool as_it_stands = bytes.flag();
  const auto rest = bytes.rest();
  if (as_it_stands) return {rest.begin(), rest.end()};
  const auto zero = std::find(rest.begin(), rest.end(), 0);
  std::vector<std::uint8_t> file;
  for (int byte = 0; byte < 8; ++byte)
    file.push_back(static_cast<std::uint8_t>((zero - rest.begin()) >> (8 * byte) & 0xff));
  file.insert(file.end(), rest.begin(), zero);
  if (zero != rest.end()) file.insert(file.end(), zero + 1, rest.end());
  return file;
}

}  // namespace lamella::fuzz

#endif  // LAMELLA_TESTS_FUZZ_SAFETENSORS_INPUT_H_
