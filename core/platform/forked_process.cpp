// The handlers of fork() and of the end of the process.
#include "core/platform/forked_process.h"

#include <pthread.h>

#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define LAMELLA_KNOWS_SINGLE_THREADED
#endif
#endif

namespace lamella::detail {

constinit std::atomic<std::uint32_t> fork_generation_now{0};
constinit std::atomic<bool> process_is_ending_now{false};

namespace {

// Of the fork that is under way; fork() runs handlers one fork at a time.
constinit std::atomic<bool> fork_loses_threads{false};

bool may_have_threads() noexcept {
#ifdef LAMELLA_KNOWS_SINGLE_THREADED
  return __libc_single_threaded == 0;
#else
  return true;
#endif
}

void before_fork() { fork_loses_threads.store(may_have_threads(), std::memory_order_relaxed); }

void in_child() {
  if (fork_loses_threads.load(std::memory_order_relaxed))
    fork_generation_now.fetch_add(1, std::memory_order_relaxed);
}

/// From the time this library is loaded until its static objects are destroyed.
class Handlers {
 public:
  Handlers() { pthread_atfork(before_fork, nullptr, in_child); }
  Handlers(const Handlers&) = delete;
  Handlers& operator=(const Handlers&) = delete;
  ~Handlers() { process_is_ending_now.store(true, std::memory_order_relaxed); }
};
const Handlers handlers;

}  // namespace
}  // namespace lamella::detail
