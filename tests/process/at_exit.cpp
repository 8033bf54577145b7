// Computes at all times of a process and of its threads at which other code may still call the
// library. Arguments: interface and backend. Exits 0 if every call gave the same bits.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/process/work.h"

namespace {

using namespace lamella::test;

Work* work = nullptr;
Bits expected = 0;
std::atomic<int> calls{0}, wrong{0};

void compute(const char* when) {
  const Bits bits = work->compute();
  ++calls;
  if (bits == expected) return;
  ++wrong;
  std::fprintf(stderr, "other bits: %s\n", when);
}

// One is made before main, one in it: the library's own static objects are destroyed in between, or
// earlier than both.
struct Late {
  ~Late() {
    if (work != nullptr) compute("destructor of a static object made before main");
  }
};
const Late late;

struct OfThread {
  const char* when = "";
  ~OfThread() { compute(when); }
};

// The last that runs: it decides on the exit code.
__attribute__((destructor)) void last() {
  if (work == nullptr) return;
  compute("destructor function of the program");
  std::printf("%d calls, %d with other bits\n", calls.load(), wrong.load());
  std::fflush(stdout);
  constexpr int kCalls = 14;  // none may be missing
  if (calls != kCalls || wrong != 0) _exit(1);
}

pthread_key_t key_before, key_after;

void at_key_before(void* value) {
  compute("destructor of a key set before the first call");
  // Once more in the next round of destructors.
  static thread_local bool again = true;
  if (std::exchange(again, false)) pthread_setspecific(key_before, value);
}
void at_key_after(void*) { compute("destructor of a key set after the first call"); }

void* thread_with_all(void*) {
  pthread_setspecific(key_before, &key_before);
  thread_local OfThread before{"destructor of a thread_local object made before the first call"};
  static_cast<void>(&before);
  compute("thread");
  thread_local OfThread after{"destructor of a thread_local object made after it"};
  static_cast<void>(&after);
  pthread_setspecific(key_after, &key_after);
  return nullptr;
}

/// A thread whose first call is one of these destructors.
void* thread_with_late_call(void*) {
  pthread_setspecific(key_before, &key_before);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) usage("at_exit INTERFACE BACKEND");
  std::atexit([] { compute("atexit, registered before the first call"); });
  work = make_work(argv[1], argv[2]);
  expected = work->compute();
  std::atexit([] { compute("atexit, registered after the first call"); });
  static const Late later;
  pthread_key_create(&key_before, at_key_before);
  pthread_key_create(&key_after, at_key_after);
  for (void* (*function)(void*) : {thread_with_all, thread_with_late_call}) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, function, nullptr) != 0) return 4;
    pthread_join(thread, nullptr);
  }
  thread_local OfThread of_main{"destructor of a thread_local object of the main thread"};
  static_cast<void>(&of_main);
  return 0;
}
