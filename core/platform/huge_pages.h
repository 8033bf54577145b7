// Larger pages for memory that is read at places in no order.
#ifndef LAMELLA_CORE_PLATFORM_HUGE_PAGES_H_
#define LAMELLA_CORE_PLATFORM_HUGE_PAGES_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace lamella {

/// Asks for huge pages for memory that has not been written to yet. This is a hint: where the
/// system has no huge pages or does not give them, nothing changes.
///
/// The samples of a mini-batch lie in different pages of the data, so that with small pages each of
/// them costs a miss of the TLB. In a virtual machine such a miss is two walks of page tables.
inline void prefer_huge_pages([[maybe_unused]] void* data,
                              [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t kHugePage = 2 << 20;  // of x86-64 and of AArch64 with pages of 4 KiB
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const auto begin = (address + kHugePage - 1) / kHugePage, end = (address + bytes) / kHugePage;
  if (end > begin)
    ::madvise(static_cast<char*>(data) + (begin * kHugePage - address), (end - begin) * kHugePage,
              MADV_HUGEPAGE);
#endif
}

}  // namespace lamella

#endif  // LAMELLA_CORE_PLATFORM_HUGE_PAGES_H_
