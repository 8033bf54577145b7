// A kernel call on every backend, compared: scalar and the instruction sets with what is expected,
// and simd, openmp and tbb of one instruction set bit for bit with each other.
#ifndef LAMELLA_TESTS_FUZZ_KERNEL_BACKENDS_H_
#define LAMELLA_TESTS_FUZZ_KERNEL_BACKENDS_H_

#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>
#include <lamella/error.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kernel_memory.h"

namespace lamella::fuzz {

struct FuzzedBackend {
  std::string label;  ///< "tbb/avx2"
  std::string isa;    ///< backends of one isa give the same bits
  std::shared_ptr<const Backend> backend;
};

/// scalar first; then by instruction set simd, simd with its work cut into small pieces, and openmp
/// and tbb with two threads, as far as they are compiled in and usable here.
const std::vector<FuzzedBackend>& fuzzed_backends();

/// run(backend) on all of them, each time from the content that `memory` has now. Calls that are
/// refused must be refused by all, and change nothing; for the others expect() tells `memory` what
/// is expected. Returns the content after each run, or nothing if the call was refused.
template <class T, class Run, class Expect>
std::vector<std::vector<T>> run_on_all(Memory<T>& memory, const Run& run, const Expect& expect) {
  memory.remember();
  std::vector<std::vector<T>> contents;
  bool is_first = true, refused = false;
  const FuzzedBackend* previous = nullptr;
  for (const FuzzedBackend& fuzzed : fuzzed_backends()) {
    memory.restore();
    bool refuses = false;
    try {
      run(*fuzzed.backend);
    } catch (const ArgumentError&) {
      refuses = true;
    }
    if (is_first) {
      refused = refuses;
      if (!refused) {
        const std::vector<T> got = memory.content();
        memory.restore();
        expect();
        run(*fuzzed.backend);
        if (!std::ranges::equal(got, memory.content(), conformance::same_bits<T>))
          finding(fuzzed.label + ": the second run gives other bits");
      }
      is_first = false;
    }
    if (refuses != refused) finding(fuzzed.label + ": not refused as by scalar");
    if (const std::string problem = memory.problem(); !problem.empty())
      finding(fuzzed.label + ": " + problem);
    if (refused) continue;
    contents.push_back(memory.content());
    if (previous != nullptr && previous->isa == fuzzed.isa &&
        !std::ranges::equal(contents.back(), contents[contents.size() - 2],
                            conformance::same_bits<T>))
      finding(fuzzed.label + " and " + previous->label + ": different bits");
    previous = &fuzzed;
  }
  if (!refused) accepted();
  return contents;
}

/// The same for one call.
template <class T, class Call, class Expect>
void compare(Memory<T>& memory, const Call& call, const Expect& expect) {
  run_on_all(
      memory, [&](const Backend& backend) { backend.run(call); }, expect);
}

/// Any of the activations, and now and then an invalid one.
inline Activation activation(Bytes& bytes) {
  constexpr double kSlopes[] = {0.01, 0.125, 1, 2, 0, -1};
  const std::size_t kind = bytes.below(16) % 6;
  return {static_cast<ActivationKind>(kind < 5 ? kind : 255), bytes.pick(kSlopes)};
}

}  // namespace lamella::fuzz

#endif  // LAMELLA_TESTS_FUZZ_KERNEL_BACKENDS_H_
