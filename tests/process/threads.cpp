// Many threads, with small stacks, of which each calls the library once. Arguments: interface,
// backend, threads and the size of their stacks in KiB. Exits 0 if every call gave the same bits.
#include <limits.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/process/work.h"

int main(int argc, char** argv) {
  using namespace lamella::test;
  if (argc != 5) usage("threads INTERFACE BACKEND THREADS KIB");
  static Work* const work = make_work(argv[1], argv[2]);
  static const Bits expected = work->compute();
  static std::atomic<int> right{0};
  const std::size_t count = std::strtoul(argv[3], nullptr, 10);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  const std::size_t stack = std::max<std::size_t>(std::strtoul(argv[4], nullptr, 10) * 1024,
                                                  static_cast<std::size_t>(PTHREAD_STACK_MIN));
  if (pthread_attr_setstacksize(&attributes, stack) != 0) usage("a stack of this size");
  std::vector<pthread_t> threads(count);
  for (pthread_t& thread : threads)
    if (pthread_create(
            &thread, &attributes,
            [](void*) -> void* {
              if (work->compute() == expected) ++right;
              return nullptr;
            },
            nullptr) != 0)
      usage("as many threads as this system has");
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  std::printf("%d of %zu threads right\n", right.load(), count);
  return right == static_cast<int>(count) ? 0 : 1;
}
