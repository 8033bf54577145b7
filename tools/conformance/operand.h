// Operands for kernel tests: matrices of any layout in guarded memory, every gap a canary.
#ifndef LAMELLA_TOOLS_CONFORMANCE_OPERAND_H_
#define LAMELLA_TOOLS_CONFORMANCE_OPERAND_H_

#include <initializer_list>
#include <iterator>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include <lamella/view.h>

#include "tools/conformance/guarded_buffer.h"

namespace lamella::conformance {

using Random = std::mt19937;

/// A uniform integer in [low, high]. Not std::uniform_int_distribution, whose results differ
/// between standard libraries; the bias of a remainder does not matter here.
inline index_t uniform_int(Random& random, index_t low, index_t high) {
  return low + static_cast<index_t>(random() % static_cast<std::uint32_t>(high - low + 1));
}

/// A uniform real in [low, high).
inline double uniform(Random& random, double low, double high) {
  return low + (high - low) * (static_cast<double>(random()) / 4294967296.0);
}

template <class Container>
const auto& pick(Random& random, const Container& choices) {
  return choices[static_cast<std::size_t>(
      uniform_int(random, 0, static_cast<index_t>(std::size(choices)) - 1))];
}
template <class X>
X pick(Random& random, std::initializer_list<X> choices) {
  return std::data(choices)[uniform_int(random, 0, static_cast<index_t>(choices.size()) - 1)];
}

/// Which stride of a matrix is one: along a row, along a column (the transposed view of a
/// row-major matrix), or neither.
enum class Order { rows, columns, general };
inline constexpr Order kOrders[] = {Order::rows, Order::columns, Order::general};

/// How a matrix lies in memory. The leading dimension exceeds what is needed by `padding`, the
/// data begins (against_start) or ends (against_end) `offset` elements away from a guard page.
struct Layout {
  Order order = Order::rows;
  index_t padding = 0;
  Placement placement = Placement::against_end;
  index_t offset = 0;
};

/// Any layout: order, dense or padded, against either guard page or misaligned by an element.
inline Layout random_layout(Random& random, Order order) {
  static constexpr index_t kPaddings[] = {0, 0, 1, 3, 8, 17};
  Layout layout{order, pick(random, kPaddings), Placement::against_end, 0};
  if (uniform_int(random, 0, 2) == 0) layout.placement = Placement::against_start;
  if (uniform_int(random, 0, 3) == 0) layout.offset = 1;
  return layout;
}
inline Layout random_layout(Random& random) { return random_layout(random, pick(random, kOrders)); }

inline std::string describe(const Layout& layout) {
  static constexpr const char* kNames[] = {"rows", "columns", "general"};
  return std::string(kNames[static_cast<int>(layout.order)]) + "+" +
         std::to_string(layout.padding) +
         (layout.placement == Placement::against_end ? " end" : " start") +
         (layout.offset != 0 ? " misaligned" : "");
}

/// A rows x cols matrix in a buffer of exactly the span of its elements. A vector is an operand of
/// one row (see vector()): Order::rows is contiguous, the others have a stride.
template <class T>
class Operand {
 public:
  Operand(index_t rows, index_t cols, Layout layout)
      : view_(strides(rows, cols, layout)),
        bytes_(static_cast<std::size_t>(span(view_)) * sizeof(T), layout.placement,
               static_cast<std::size_t>(layout.offset) * sizeof(T)) {
    view_.data = reinterpret_cast<T*>(bytes_.data());
  }
  /// Filled by value(i, j), in row-major order.
  template <class F>
  Operand(index_t rows, index_t cols, Layout layout, F value) : Operand(rows, cols, layout) {
    fill(value);
  }

  View<T> view() const { return view_; }
  ConstView<T> read() const { return view_; }
  VectorView<T> vector() const { return row(view_, 0); }

  template <class F>
  void fill(F value) {
    for (index_t i = 0; i < view_.rows; ++i)
      for (index_t j = 0; j < view_.cols; ++j) view_(i, j) = static_cast<T>(value(i, j));
  }
  void assign(ConstView<T> source) {
    fill([&](index_t i, index_t j) { return source(i, j); });
  }
  /// From now on a kernel that writes to this operand faults.
  Operand& make_read_only() {
    bytes_.make_read_only();
    return *this;
  }

  /// Empty if nothing outside the view was written since construction; otherwise what was.
  std::string stray_writes() const {
    if (!bytes_.margins_intact()) return "wrote outside the buffer";
    const index_t elements = span(view_);
    if (elements == view_.size()) return "";  // no gaps
    std::vector<bool> inside(static_cast<std::size_t>(elements));
    for (index_t i = 0; i < view_.rows; ++i)
      for (index_t j = 0; j < view_.cols; ++j)
        inside[static_cast<std::size_t>(i * view_.row_stride + j * view_.col_stride)] = true;
    for (index_t p = 0; p < elements; ++p)
      if (!inside[static_cast<std::size_t>(p)] && !bytes_.is_canary(view_.data + p, sizeof(T)))
        return "wrote between the elements, at offset " + std::to_string(p);
    return "";
  }

 private:
  static View<T> strides(index_t rows, index_t cols, const Layout& layout) {
    View<T> v{nullptr, rows, cols, 0, 0};
    if (layout.order == Order::rows) {
      v.col_stride = 1;
      v.row_stride = cols + layout.padding;
    } else if (layout.order == Order::columns) {
      v.row_stride = 1;
      v.col_stride = rows + layout.padding;
    } else if (layout.padding % 2 == 0) {  // every second element of a row-major matrix
      v.col_stride = 2;
      v.row_stride = 2 * cols + 1 + layout.padding;
    } else {  // every third element of a column-major one
      v.row_stride = 3;
      v.col_stride = 3 * rows + layout.padding;
    }
    // A stride that is never used may have any value.
    if (rows <= 1 && layout.padding == 0) v.row_stride = 0;
    if (cols <= 1 && layout.padding == 3) v.col_stride = 0;
    return v;
  }
  static index_t span(const View<T>& v) {
    return v.empty() ? 0 : (v.rows - 1) * v.row_stride + (v.cols - 1) * v.col_stride + 1;
  }

  View<T> view_;
  GuardedBytes bytes_;
};

/// A vector of `size` elements filled by value(j), read as vector().
template <class T, class F>
Operand<T> vector_operand(index_t size, Layout layout, F value) {
  return Operand<T>(1, size, layout, [&](index_t, index_t j) { return value(j); });
}

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_OPERAND_H_
