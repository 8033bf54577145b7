// Memory that reports stray accesses: inaccessible pages on both sides, a known pattern inside.
//
// Not a matrix: shapes and strides are tools/conformance/operand.h's business.
#ifndef LAMELLA_TOOLS_CONFORMANCE_GUARDED_BUFFER_H_
#define LAMELLA_TOOLS_CONFORMANCE_GUARDED_BUFFER_H_

#include <cstddef>
#include <utility>

namespace lamella::conformance {

/// Which guard page the data touches; only on that side does the first stray byte fault. The other
/// side has a margin of less than a page, filled with the canary pattern.
enum class Placement { against_end, against_start };

/// `bytes` bytes between two PROT_NONE pages, all of them (margins too) set to the canary: a
/// pattern that is a quiet NaN as float and as double, so that arithmetic on it is seen as well.
class GuardedBytes {
 public:
  /// `offset` moves the data away from the guard page it would touch, to misalign it; for
  /// against_end it must keep the alignment that the elements need. Throws std::bad_alloc.
  GuardedBytes(std::size_t bytes, Placement placement, std::size_t offset = 0);
  GuardedBytes(GuardedBytes&& other) noexcept;
  GuardedBytes& operator=(GuardedBytes&&) = delete;
  ~GuardedBytes();

  std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }

  /// From now on a write to the data faults.
  void make_read_only() const;
  /// Whether every byte of the margins still holds the canary.
  bool margins_intact() const;
  /// Whether the `count` bytes at `offset` (a multiple of 4 from the start of the pages) do.
  bool is_canary(const void* where, std::size_t count) const;

 private:
  std::byte* mapping_ = nullptr;  // the lower guard page
  std::size_t mapped_ = 0;        // bytes with both guard pages
  std::byte* pages_ = nullptr;    // between the guard pages
  std::size_t usable_ = 0;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_GUARDED_BUFFER_H_
