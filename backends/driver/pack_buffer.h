// Memory for packed operands that outlives a call, so that the next one need not ask for it.
#ifndef LAMELLA_BACKENDS_DRIVER_PACK_BUFFER_H_
#define LAMELLA_BACKENDS_DRIVER_PACK_BUFFER_H_

#include <cstddef>
#include <cstdlib>

namespace lamella::backends {

/// Memory for packed panels, one block per thread, kept for the next call.
class PackBuffer {
 public:
  PackBuffer() = default;
  PackBuffer(const PackBuffer&) = delete;
  PackBuffer& operator=(const PackBuffer&) = delete;
  ~PackBuffer() { std::free(data_); }

  /// At least `bytes`, page-aligned; null when memory runs out.
  void* get(std::size_t bytes) noexcept {
    if (bytes > size_) {
      std::free(data_);
      bytes = (bytes + 4095) / 4096 * 4096;
      data_ = std::aligned_alloc(4096, bytes);
      size_ = data_ != nullptr ? bytes : 0;
    }
    return data_;
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_PACK_BUFFER_H_
