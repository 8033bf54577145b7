// Starts threads that wait for each other, to see whether that many can exist.
#include "core/platform/thread_probe.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <new>

namespace lamella::detail {
namespace {

/// Threads that are tried beyond those needed, so that the library does not take the last one.
constexpr int kSpareThreads = 1;

/// Memory that must be left beside the threads' own. Libraries describe a team and its threads in
/// it, and end the program, too, if they cannot.
constexpr std::size_t kSpareBytes = 256 * 1024, kSpareBytesPerThread = 2 * 1024;

struct Probe {
  pthread_t thread;
  pthread_mutex_t* gate;
#if defined(__linux__)
  long id;
#endif
};

void* wait_at_gate(void* argument) {
  auto& probe = *static_cast<Probe*>(argument);
#if defined(__linux__)
  probe.id = syscall(SYS_gettid);
#endif
#if defined(__clang__)
  // Threads of LLVM's OpenMP runtime allocate while others are still being started, and malloc()
  // reserves address space for each thread that does.
  void* volatile memory = std::malloc(64);
  std::free(memory);
#endif
  pthread_mutex_lock(probe.gate);
  pthread_mutex_unlock(probe.gate);
  return nullptr;
}

/// A thread that has been joined is counted for some microseconds more.
void wait_until_uncounted(const Probe& probe) noexcept {
#if defined(__linux__)
  for (int tries = 0; tries < 10000; ++tries) {
    if (syscall(SYS_tgkill, getpid(), probe.id, 0) != 0) return;
    sched_yield();
  }
#else
  static_cast<void>(probe);
#endif
}

/// All signals wait: handlers of the program must not run on threads that are about to end.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

bool probe_threads(int count, std::size_t stack_bytes) noexcept {
  const auto size = static_cast<std::size_t>(count);
  const std::unique_ptr<Probe[]> probes(new (std::nothrow) Probe[size]);
  pthread_attr_t attributes;
  if (probes == nullptr || pthread_attr_init(&attributes) != 0) return false;
  bool had = stack_bytes == 0 || pthread_attr_setstacksize(&attributes, stack_bytes) == 0;
  pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  std::size_t started = 0;
  {
    const BlockedSignals blocked;
    pthread_mutex_lock(&gate);
    for (; had && started < size; started += had ? 1 : 0) {
      probes[started].gate = &gate;
      had =
          pthread_create(&probes[started].thread, &attributes, wait_at_gate, &probes[started]) == 0;
    }
  }
  had = had && memory_can_be_had(kSpareBytes + size * kSpareBytesPerThread);
  pthread_mutex_unlock(&gate);
  for (std::size_t i = 0; i < started; ++i) pthread_join(probes[i].thread, nullptr);
  for (std::size_t i = 0; i < started; ++i) wait_until_uncounted(probes[i]);
  pthread_mutex_destroy(&gate);
  pthread_attr_destroy(&attributes);
  return had;
}

}  // namespace

bool memory_can_be_had(std::size_t bytes) noexcept {
  // Not by malloc(), which takes the freeing of a large block for a hint how to go on.
  const int error = errno;
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool had = memory != MAP_FAILED;
  if (had) munmap(memory, bytes);
  errno = error;
  return had;
}

bool threads_can_be_had(int count, std::size_t stack_bytes) noexcept {
  const int error = errno;
  const bool had = count > 0 ? probe_threads(count + kSpareThreads, stack_bytes)
                             : memory_can_be_had(kSpareBytes);
  errno = error;
  return had;
}

}  // namespace lamella::detail
