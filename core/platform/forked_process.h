// Whether threads that were started earlier are still there: a child of fork() has only the thread
// that called it, and a process that ends may have lost its thread libraries already.
//
// The library learns of forks from the moment it is loaded, so also where no backend exists yet.
// Forks that run no handlers (vfork(), posix_spawn(), _Fork()) are for programs that call exec.
#ifndef LAMELLA_CORE_PLATFORM_FORKED_PROCESS_H_
#define LAMELLA_CORE_PLATFORM_FORKED_PROCESS_H_

#include <atomic>
#include <cstdint>

namespace lamella::detail {

/// Written by the handlers in forked_process.cpp alone.
extern std::atomic<std::uint32_t> fork_generation_now;
extern std::atomic<bool> process_is_ending_now;

/// 0 in the process that loaded the library. In a child of a process that had more than one thread
/// it is one more than in its parent; a process with a single thread loses nothing by a fork. What
/// was noted with another generation belongs to threads that do not exist here.
inline std::uint32_t fork_generation() noexcept {
  return fork_generation_now.load(std::memory_order_relaxed);
}

/// Whether the static objects of this library have been destroyed. Other libraries' exit handlers
/// may still compute, but thread libraries may be gone.
inline bool process_is_ending() noexcept {
  return process_is_ending_now.load(std::memory_order_relaxed);
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_FORKED_PROCESS_H_
