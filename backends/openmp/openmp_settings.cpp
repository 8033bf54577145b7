// Reads OpenMP's settings, through its functions where there are any.
#include "backends/openmp/openmp_settings.h"

#include <omp.h>
#if defined(__clang__)
#include <pthread.h>
#endif

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "backends/executor.h"
#include "backends/openmp/ending_thread.h"

namespace lamella::backends {
namespace {

const char* after_blanks(const char* text) noexcept {
  while (std::isspace(static_cast<unsigned char>(*text)) != 0) ++text;
  return text;
}

/// LLVM's runtime gives each thread a little more than the one before, and stacks of threads that
/// have ended serve only for others that are no larger.
#if defined(__clang__)
constexpr std::size_t kAddedStackBytes = 64 * 1024;
#else
constexpr std::size_t kAddedStackBytes = 0;
#endif

/// The size if nothing is set: GCC's runtime takes the one that any thread has, LLVM's at least
/// 4 MiB.
std::size_t default_stack_bytes() noexcept {
#if defined(__clang__)
  std::size_t bytes = 0;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) == 0) {
    pthread_attr_getstacksize(&attributes, &bytes);
    pthread_attr_destroy(&attributes);
  }
  return std::max(bytes, std::size_t{4} << 20);
#else
  return 0;
#endif
}

}  // namespace

std::size_t parse_openmp_stack_size(const char* text) noexcept {
  text = after_blanks(text);
  if (std::isdigit(static_cast<unsigned char>(*text)) == 0) return 0;
  std::uint64_t size = 0;
  constexpr std::uint64_t kMost = std::numeric_limits<std::size_t>::max();
  for (; std::isdigit(static_cast<unsigned char>(*text)) != 0; ++text) {
    if (size > kMost / 16) return 0;
    size = 10 * size + static_cast<std::uint64_t>(*text - '0');
  }
  text = after_blanks(text);
  int shift = 10;
  switch (std::tolower(static_cast<unsigned char>(*text))) {
    case 'b':
      shift = 0;
      break;
    case 'k':
      break;
    case 'm':
      shift = 20;
      break;
    case 'g':
      shift = 30;
      break;
    case '\0':
      --text;
      break;
    default:
      return 0;
  }
  if (*after_blanks(text + 1) != '\0' || size > kMost >> shift) return 0;
  return static_cast<std::size_t>(size << shift);
}

std::size_t openmp_stack_bytes() noexcept {
  std::size_t bytes = 0;
  for (const char* variable : {"OMP_STACKSIZE", "GOMP_STACKSIZE", "KMP_STACKSIZE"})
    if (const char* text = std::getenv(variable))
      bytes = std::max(bytes, parse_openmp_stack_size(text));
  if (bytes == 0) bytes = default_stack_bytes();
  return bytes == 0 ? 0 : bytes + kAddedStackBytes;
}

LibraryThreads openmp_library_threads() {
  LibraryThreads threads;
  if (openmp_thread_is_ending()) {
    threads.most = 1;
    threads.most_set_by = "the end of the thread";
    return threads;
  }
  threads.most = omp_get_thread_limit();
  threads.most_set_by = "OMP_THREAD_LIMIT";
  // Inside a parallel region the number is the one of regions within it.
  if (omp_in_parallel() != 0) return threads;
  // After an OMP_NUM_THREADS that is no number, LLVM 14's runtime tells whatever was in memory.
  const int usual = omp_get_max_threads();
  if (usual < 1) return threads;
  threads.usual = usual;
  const char* const variable = std::getenv("OMP_NUM_THREADS");
  const bool is_variable =
      variable != nullptr && std::strtol(variable, nullptr, 10) == threads.usual;
  threads.usual_set_by = is_variable ? "OMP_NUM_THREADS" : "omp_set_num_threads";
  return threads;
}

}  // namespace lamella::backends
