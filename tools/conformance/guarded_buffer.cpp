// mmap and mprotect behind guarded_buffer.h.
#include "tools/conformance/guarded_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>

namespace lamella::conformance {
namespace {

constexpr std::uint32_t kCanary = 0x7FFDA5A5;  // quiet NaN as a float; two of them: as a double

}  // namespace

GuardedBytes::GuardedBytes(std::size_t bytes, Placement placement, std::size_t offset)
    : bytes_(bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  usable_ = (bytes + offset + page - 1) / page * page;
  mapped_ = usable_ + 2 * page;
  void* mapping = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<std::byte*>(mapping);
  pages_ = mapping_ + page;
  if (usable_ != 0 && mprotect(pages_, usable_, PROT_READ | PROT_WRITE) != 0) {
    munmap(mapping_, mapped_);
    throw std::bad_alloc();
  }
  auto* words = reinterpret_cast<std::uint32_t*>(pages_);
  std::fill_n(words, usable_ / sizeof kCanary, kCanary);
  data_ = placement == Placement::against_end ? pages_ + usable_ - bytes - offset : pages_ + offset;
}

GuardedBytes::GuardedBytes(GuardedBytes&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_(other.mapped_),
      pages_(other.pages_),
      usable_(other.usable_),
      data_(other.data_),
      bytes_(other.bytes_) {}

GuardedBytes::~GuardedBytes() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_);
}

void GuardedBytes::make_read_only() const {
  if (usable_ != 0) mprotect(pages_, usable_, PROT_READ);
}

bool GuardedBytes::is_canary(const void* where, std::size_t count) const {
  const auto* bytes = static_cast<const std::byte*>(where);
  const auto phase = static_cast<std::size_t>(bytes - pages_);
  const auto* pattern = reinterpret_cast<const std::byte*>(&kCanary);
  for (std::size_t i = 0; i < count; ++i)
    if (bytes[i] != pattern[(phase + i) % sizeof kCanary]) return false;
  return true;
}

bool GuardedBytes::margins_intact() const {
  const auto front = static_cast<std::size_t>(data_ - pages_);
  return is_canary(pages_, front) && is_canary(data_ + bytes_, usable_ - front - bytes_);
}

}  // namespace lamella::conformance
