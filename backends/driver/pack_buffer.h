// Memory for packed operands that outlives a call, so that the next one need not ask for it.
//
// Products are computed at any time of a thread and of a process: by other libraries' exit
// handlers, destructors of static objects and of thread-specific keys. So nothing here has a
// destructor: a key frees a thread's memory, and a product that comes even later gets new memory,
// freed as well.
#ifndef LAMELLA_BACKENDS_DRIVER_PACK_BUFFER_H_
#define LAMELLA_BACKENDS_DRIVER_PACK_BUFFER_H_

#include <cstddef>

#include "core/platform/fork_aware_lock.h"

namespace lamella::backends {

/// One block of memory, kept for the next call. A member of PackBuffers.
class PackBuffer {
 public:
  constexpr PackBuffer() = default;
  PackBuffer(const PackBuffer&) = delete;
  PackBuffer& operator=(const PackBuffer&) = delete;

  /// At least `bytes`, page-aligned; null when memory runs out.
  void* get(std::size_t bytes) noexcept {
    if (bytes > size_) grow(bytes);
    return data_;
  }
  void release() noexcept;

 private:
  void grow(std::size_t bytes) noexcept;

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The buffers of a thread. They are in use at the same time: products read one, and pack into the
/// other.
struct PackBuffers {
  PackBuffer panels;  ///< of a product
  PackBuffer batch;   ///< mini-batches of the plan that the thread runs
};
extern constinit thread_local PackBuffers pack_buffers;

/// A panel for products that get no memory: kc x nr elements of every table. It takes no memory
/// either before it is written to.
struct SharedPanel {
  detail::ForkAwareLock lock;
  alignas(64) unsigned char bytes[128 * 1024];
};
extern constinit SharedPanel shared_panel;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_PACK_BUFFER_H_
