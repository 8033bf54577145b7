// A thread's buffers are freed by the destructor of a thread-specific key. (The destructor of a
// thread_local object runs once, before those of keys, and to register it ends the process where
// memory runs out.)
#include "backends/driver/pack_buffer.h"

#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <type_traits>

namespace lamella::backends {

constinit thread_local PackBuffers pack_buffers;
constinit SharedPanel shared_panel{};

namespace {

static_assert(std::is_trivially_destructible_v<PackBuffers>);

void release_buffers(void* buffers) {
  static_cast<PackBuffers*>(buffers)->panels.release();
  static_cast<PackBuffers*>(buffers)->batch.release();
}

/// The key, made at its first use, and deleted when the library is unloaded: no thread may call
/// into it then.
class Key {
 public:
  constexpr Key() = default;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() {
    const long key = value_.exchange(kDeleted);
    if (key >= 0) pthread_key_delete(static_cast<pthread_key_t>(key));
  }

  /// Has the calling thread's buffers freed when it ends. False where that cannot be done.
  bool arm() noexcept {
    long key = value_.load(std::memory_order_acquire);
    if (key == kNone) key = make();
    if (key == kDeleted) return true;  // the process ends, and all memory with it
    return key >= 0 && pthread_setspecific(static_cast<pthread_key_t>(key), &pack_buffers) == 0;
  }

 private:
  static constexpr long kNone = -1, kDeleted = -2;

  // Not under a lock: a fork would leave it locked.
  long make() noexcept {
    pthread_key_t made;
    if (pthread_key_create(&made, release_buffers) != 0) return kNone;
    long key = kNone;
    if (value_.compare_exchange_strong(key, static_cast<long>(made)))
      return static_cast<long>(made);
    pthread_key_delete(made);  // another thread was faster
    return key;
  }

  std::atomic<long> value_{kNone};
};
constinit Key key;

}  // namespace

void PackBuffer::grow(std::size_t bytes) noexcept {
  release();
  if (!key.arm()) return;
  bytes = (bytes + 4095) / 4096 * 4096;
  data_ = std::aligned_alloc(4096, bytes);
  size_ = data_ != nullptr ? bytes : 0;
}

void PackBuffer::release() noexcept {
  std::free(data_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace lamella::backends
