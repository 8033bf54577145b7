// Memory this process has, and how much of it repeated work adds (Linux).
#ifndef LAMELLA_TESTS_MEMORY_OF_PROCESS_H_
#define LAMELLA_TESTS_MEMORY_OF_PROCESS_H_

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>

namespace lamella::test {

/// Whether a sanitizer has the memory: it keeps for a while what is freed, and maps terabytes, so
/// that sizes and limits of the process say nothing of the library.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kMemoryIsSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kMemoryIsSanitized = true;
#else
inline constexpr bool kMemoryIsSanitized = false;
#endif
#else
inline constexpr bool kMemoryIsSanitized = false;
#endif

/// Bytes of private memory that were touched, of all allocators: oneTBB has one of its own. Stacks
/// of threads that come and go are mapped in MiB, but hardly touched.
/// 0 when the kernel does not say.
inline std::int64_t private_bytes_of_process() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t mapped = 0, resident = 0, shared = 0;
  statm >> mapped >> resident >> shared;
  return statm ? (resident - shared) * sysconf(_SC_PAGESIZE) : 0;
}

/// The least that `bytes()` grew by in several runs of `work()`. A leak grows in every run; what is
/// made once, late, grows in one.
template <class Bytes, class Work>
std::int64_t least_growth(const Bytes& bytes, const Work& work) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int run = 0; run < 4; ++run) {
    const std::int64_t before = bytes();
    work();
    least = std::min(least, bytes() - before);
  }
  return least;
}

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_MEMORY_OF_PROCESS_H_
