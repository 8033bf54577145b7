// A lock that nobody waits for: what it guards is worth less than waiting.
//
// In a child of fork() it stays taken if another thread of the parent was in a body. What it guards
// may be half written then, and is not looked at any more: the child does without.
#ifndef LAMELLA_BACKENDS_THREADING_TRY_LOCK_H_
#define LAMELLA_BACKENDS_THREADING_TRY_LOCK_H_

#include <atomic>

namespace lamella::backends {

class TryLock {
 public:
  /// Runs the body and returns true; or, if another thread is in a body, returns false at once.
  template <class Body>
  bool if_free(const Body& body) noexcept {
    if (is_taken_.test_and_set(std::memory_order_acquire)) return false;
    body();
    is_taken_.clear(std::memory_order_release);
    return true;
  }

 private:
  std::atomic_flag is_taken_;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_TRY_LOCK_H_
