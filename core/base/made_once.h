// Values that are made at their first use and kept, without what makes static variables of
// functions unsafe around fork() and exit().
//
// A static variable is guarded by a lock, which a fork() during its initialisation leaves locked in
// the child, and it is destroyed while other code may still use it. These are never destroyed, and
// no thread waits: of two that make a value at the same time, one throws its own away.
#ifndef LAMELLA_CORE_BASE_MADE_ONCE_H_
#define LAMELLA_CORE_BASE_MADE_ONCE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace lamella::detail {

/// An object on the heap.
template <class T>
class MadeOnce {
 public:
  /// make() returns a std::unique_ptr<T>, or throws; then the next call makes it again.
  template <class Make>
  T& get(const Make& make) {
    T* object = object_.load(std::memory_order_acquire);
    if (object != nullptr) return *object;
    std::unique_ptr<T> made = make();
    return object_.compare_exchange_strong(object, made.get(), std::memory_order_acq_rel)
               ? *made.release()
               : *object;
  }

 private:
  std::atomic<T*> object_{nullptr};
};

/// A small value that takes no memory.
template <class T>
class ComputedOnce {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  template <class Compute>
  T get(const Compute& compute) noexcept {
    if (state_.load(std::memory_order_acquire) == State::known) return value_;
    const T value = compute();
    State state = State::unknown;
    if (state_.compare_exchange_strong(state, State::writing, std::memory_order_relaxed)) {
      value_ = value;
      state_.store(State::known, std::memory_order_release);
    }
    return value;
  }

 private:
  enum class State : std::uint8_t { unknown, writing, known };

  std::atomic<State> state_{State::unknown};
  T value_{};
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_MADE_ONCE_H_
