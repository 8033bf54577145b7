// How many threads this process has, as the kernel counts them (Linux).
#ifndef LAMELLA_TESTS_THREADS_OF_PROCESS_H_
#define LAMELLA_TESTS_THREADS_OF_PROCESS_H_

#include <cstddef>
#include <filesystem>
#include <iterator>

namespace lamella::test {

inline std::ptrdiff_t threads_of_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_THREADS_OF_PROCESS_H_
