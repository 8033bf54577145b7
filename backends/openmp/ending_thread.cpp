// The end of a thread, noticed by a key whose destructor runs before that of the OpenMP runtime.
//
// glibc and musl run destructors in the order of their keys, and the runtime makes its key in its
// first call. This one is made when the program or library is loaded. A runtime that another
// library has used even earlier is not guarded against.
#include "backends/openmp/ending_thread.h"

#include <pthread.h>

#include <cstdint>

namespace lamella::backends {
namespace {

enum class ThreadState : std::uint8_t { unknown, watched, ending };
constinit thread_local ThreadState state = ThreadState::unknown;

pthread_key_t key;
constinit bool key_exists = false;

void note_end(void*) { state = ThreadState::ending; }

__attribute__((constructor)) void make_key() {
  key_exists = pthread_key_create(&key, note_end) == 0;
}

}  // namespace

bool openmp_thread_is_ending() noexcept {
  if (state == ThreadState::unknown && key_exists)
    // Without memory for the value, the end would not be noticed.
    state = pthread_setspecific(key, &key) == 0 ? ThreadState::watched : ThreadState::ending;
  return state == ThreadState::ending;
}

}  // namespace lamella::backends
