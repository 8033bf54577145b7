// Which bytes a strided view touches, and whether two views share any.
//
// Not here: the rules for the operands of kernels (checks.h).
#ifndef LAMELLA_CORE_BASE_FOOTPRINT_H_
#define LAMELLA_CORE_BASE_FOOTPRINT_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include <lamella/view.h>

namespace lamella::detail {

/// A matrix or vector view without its element type. A vector is one column of `rows` elements.
struct UntypedView {
  const void* data = nullptr;
  index_t rows = 0;
  index_t cols = 0;
  index_t row_stride = 0;
  index_t col_stride = 0;
  index_t element_size = 1;

  bool empty() const { return rows == 0 || cols == 0; }
};

template <class T>
UntypedView untyped(View<T> v) {
  return {v.data, v.rows, v.cols, v.row_stride, v.col_stride, index_t{sizeof(T)}};
}
template <class T>
UntypedView untyped(VectorView<T> v) {
  return {v.data, v.size, 1, v.stride, 1, index_t{sizeof(T)}};
}

/// Bytes that a view touches: runs of equal length at equal distances.
struct Footprint {
  std::uintptr_t begin = 0;
  index_t extent = 0;   ///< bytes from the first one touched to one past the last; 0: empty view
  index_t segment = 0;  ///< bytes of one run (bytes inside that the view skips count as touched)
  index_t step = 0;     ///< bytes from one run to the next, >= segment; 0: there is only one run
};

/// The footprint of a view with shape and strides >= 0, or nothing if it leaves the address space.
std::optional<Footprint> footprint(const UntypedView& view);

/// Whether two views may share a byte. Exact for dense blocks, rows and columns of one matrix;
/// otherwise true as soon as the byte ranges meet.
bool overlap(const Footprint& a, const Footprint& b);

/// Whether no two elements of a non-empty view have the same address. Views whose rows and columns
/// both interleave count as colliding.
bool elements_are_distinct(const UntypedView& view);

/// Whether two views map the same elements to the same addresses.
bool same_view(const UntypedView& a, const UntypedView& b);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_FOOTPRINT_H_
