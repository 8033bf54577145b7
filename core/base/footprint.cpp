// Footprints of strided views and the overlap test on them.
#include "core/base/footprint.h"

#include <limits>
#include <utility>

namespace lamella::detail {
namespace {

// a * b + c for non-negative numbers, or nothing if it overflows.
std::optional<index_t> multiply_add(index_t a, index_t b, index_t c) {
  index_t product = 0;
  index_t sum = 0;
  if (__builtin_mul_overflow(a, b, &product) || __builtin_add_overflow(product, c, &sum))
    return std::nullopt;
  return sum;
}

// A dimension of a view that moves through memory.
struct Dimension {
  index_t count = 1;
  index_t stride = 0;
};

// The dimensions of a view, the one with the larger stride first; those that stay in place are 1.
std::pair<Dimension, Dimension> ordered_dimensions(const UntypedView& v) {
  Dimension major{v.rows, v.row_stride};
  Dimension minor{v.cols, v.col_stride};
  if (major.count == 1 || major.stride == 0) major = {};
  if (minor.count == 1 || minor.stride == 0) minor = {};
  if (major.stride < minor.stride) std::swap(major, minor);
  return {major, minor};
}

}  // namespace

std::optional<Footprint> footprint(const UntypedView& view) {
  Footprint result;
  result.begin = reinterpret_cast<std::uintptr_t>(view.data);
  if (view.empty()) return result;
  if (!multiply_add(view.rows, view.cols, 0)) return std::nullopt;

  const auto [major, minor] = ordered_dimensions(view);
  const auto minor_span = multiply_add(minor.count - 1, minor.stride, 1);
  if (!minor_span) return std::nullopt;
  const auto span = multiply_add(major.count - 1, major.stride, *minor_span);
  if (!span) return std::nullopt;
  const auto extent = multiply_add(*span, view.element_size, 0);
  if (!extent || static_cast<std::uintptr_t>(*extent) >
                     std::numeric_limits<std::uintptr_t>::max() - result.begin)
    return std::nullopt;

  result.extent = *extent;
  result.segment = *extent;
  const bool runs_are_apart = major.count > 1 && major.stride > *minor_span;
  if (runs_are_apart) {
    result.segment = *minor_span * view.element_size;
    result.step = major.stride * view.element_size;
  }
  return result;
}

bool overlap(const Footprint& a, const Footprint& b) {
  if (a.extent == 0 || b.extent == 0) return false;
  if (a.begin > b.begin) return overlap(b, a);
  const std::uintptr_t distance = b.begin - a.begin;
  if (distance >= static_cast<std::uintptr_t>(a.extent)) return false;

  // The ranges meet. Runs at one common distance, as those of two blocks of one matrix, are still
  // apart if they are apart modulo that distance.
  const index_t step = a.step != 0 ? a.step : b.step;
  if (step == 0) return true;
  const bool common = (a.step == step || (a.step == 0 && a.segment <= step)) &&
                      (b.step == step || (b.step == 0 && b.segment <= step));
  if (!common) return true;
  const auto offset = static_cast<index_t>(distance % static_cast<std::uintptr_t>(step));
  return offset < a.segment || offset > step - b.segment;
}

bool elements_are_distinct(const UntypedView& v) {
  if (v.rows > 1 && v.row_stride < 1) return false;
  if (v.cols > 1 && v.col_stride < 1) return false;
  if (v.rows <= 1 || v.cols <= 1) return true;
  const auto row_span = multiply_add(v.cols - 1, v.col_stride, 1);
  const auto column_span = multiply_add(v.rows - 1, v.row_stride, 1);
  return (row_span && v.row_stride >= *row_span) || (column_span && v.col_stride >= *column_span);
}

bool same_view(const UntypedView& a, const UntypedView& b) {
  return a.data == b.data && a.rows == b.rows && a.cols == b.cols &&
         a.element_size == b.element_size && (a.rows <= 1 || a.row_stride == b.row_stride) &&
         (a.cols <= 1 || a.col_stride == b.col_stride);
}

}  // namespace lamella::detail
