// What OpenMP's own settings say: how many threads it allows, and how large their stacks are.
#ifndef LAMELLA_BACKENDS_OPENMP_OPENMP_SETTINGS_H_
#define LAMELLA_BACKENDS_OPENMP_OPENMP_SETTINGS_H_

#include <cstddef>

namespace lamella::backends {

/// What the runtime's threads need for their stacks: OMP_STACKSIZE or what runtimes read besides
/// it, the largest of them; 0 if none of them is a size and the stacks are as those of any thread.
std::size_t openmp_stack_bytes() noexcept;

/// The text of OMP_STACKSIZE in bytes: digits and B, K, M or G, where K goes without saying, with
/// blanks around both. 0 for any other text, and for what is too large for std::size_t.
std::size_t parse_openmp_stack_size(const char* text) noexcept;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_OPENMP_OPENMP_SETTINGS_H_
