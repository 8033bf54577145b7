// Strided, non-owning views of matrices and vectors. Owning storage lives in matrix.h.
//
// A view is a pointer and four numbers; it owns nothing and checks nothing. A transpose, a row, a
// column and a block are views of the same memory, so no kernel needs a transpose flag.
#ifndef LAMELLA_VIEW_H_
#define LAMELLA_VIEW_H_

#include <cstddef>
#include <type_traits>

namespace lamella {

/// Signed type of every shape, stride and index.
using index_t = std::ptrdiff_t;

/// Whether kernels compute with elements of type T: float and double, and no other.
template <class T>
inline constexpr bool kIsElement = std::is_same_v<T, float> || std::is_same_v<T, double>;

/// `size` elements, `stride` elements apart. kernels.h says which strides kernels accept.
template <class T>
struct VectorView {
  T* data = nullptr;
  index_t size = 0;
  index_t stride = 1;

  constexpr T& operator[](index_t i) const { return data[i * stride]; }
  constexpr bool empty() const { return size == 0; }
  constexpr operator VectorView<const T>() const requires(!std::is_const_v<T>) {
    return {data, size, stride};
  }
};

/// A rows x cols matrix whose element (i, j) is `data[i * row_stride + j * col_stride]`.
///
/// Strides count elements. Row-major storage with leading dimension ld is {p, m, n, ld, 1}.
template <class T>
struct View {
  T* data = nullptr;
  index_t rows = 0;
  index_t cols = 0;
  index_t row_stride = 0;
  index_t col_stride = 1;

  constexpr T& operator()(index_t i, index_t j) const {
    return data[i * row_stride + j * col_stride];
  }
  constexpr index_t size() const { return rows * cols; }
  constexpr bool empty() const { return rows == 0 || cols == 0; }
  constexpr operator View<const T>() const requires(!std::is_const_v<T>) {
    return {data, rows, cols, row_stride, col_stride};
  }
};

template <class T>
using ConstView = View<const T>;
template <class T>
using ConstVectorView = VectorView<const T>;

/// The transpose: the same memory with rows and columns exchanged.
template <class T>
constexpr View<T> transposed(View<T> v) {
  return {v.data, v.cols, v.rows, v.col_stride, v.row_stride};
}

/// The rows x cols block whose upper left corner is (row, col). Without elements it points to where
/// v does, which may be nowhere; so do row() and column().
template <class T>
constexpr View<T> block(View<T> v, index_t row, index_t col, index_t rows, index_t cols) {
  if (rows == 0 || cols == 0) return {v.data, rows, cols, v.row_stride, v.col_stride};
  return {v.data + row * v.row_stride + col * v.col_stride, rows, cols, v.row_stride, v.col_stride};
}

/// Row i as a vector of v.cols elements.
template <class T>
constexpr VectorView<T> row(View<T> v, index_t i) {
  return {v.cols == 0 ? v.data : v.data + i * v.row_stride, v.cols, v.col_stride};
}

/// Column j as a vector of v.rows elements.
template <class T>
constexpr VectorView<T> column(View<T> v, index_t j) {
  return {v.rows == 0 ? v.data : v.data + j * v.col_stride, v.rows, v.row_stride};
}

/// Dense row-major memory as a rows x cols view.
template <class T>
constexpr View<T> row_major(T* data, index_t rows, index_t cols) {
  return {data, rows, cols, cols, 1};
}

}  // namespace lamella

#endif  // LAMELLA_VIEW_H_
