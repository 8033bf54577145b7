// Vectors with increments of either sign, as kernels want them: with strides that are positive.
//
// A negative increment means that the vector's first element comes last in memory. Such a vector is
// turned round in a copy, so that the arithmetic is the same as with a positive increment.
#ifndef LAMELLA_CBLAS_VECTOR_H_
#define LAMELLA_CBLAS_VECTOR_H_

#include <lamella/matrix.h>

namespace lamella::cblas {

/// `size` elements at `data`, `increment` apart (not 0), to be read.
template <class T>
class Input {
 public:
  Input(const T* data, index_t size, index_t increment) : view_{data, size, increment} {
    if (increment > 0) return;
    turned_ = AlignedArray<T>(size);
    for (index_t i = 0; i < size; ++i) turned_[i] = data[(size - 1 - i) * -increment];
    view_ = {turned_.data(), size, 1};
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  ConstVectorView<T> view() const { return view_; }
  ConstView<T> as_column() const { return {view_.data, view_.size, 1, view_.stride, 1}; }

 private:
  AlignedArray<T> turned_;
  ConstVectorView<T> view_;
};

/// `size` elements at `data`, `increment` apart (not 0), to be read and written: what was written
/// is in place after store().
template <class T>
class InOut {
 public:
  InOut(T* data, index_t size, index_t increment)
      : data_(data), increment_(increment), view_{data, size, increment} {
    if (increment > 0) return;
    turned_ = AlignedArray<T>(size);
    for (index_t i = 0; i < size; ++i) turned_[i] = data[(size - 1 - i) * -increment];
    view_ = turned_.view();
  }
  InOut(const InOut&) = delete;
  InOut& operator=(const InOut&) = delete;

  View<T> as_column() { return {view_.data, view_.size, 1, view_.stride, 1}; }
  void store() {
    for (index_t i = 0; i < turned_.size(); ++i)
      data_[(turned_.size() - 1 - i) * -increment_] = turned_[i];
  }

 private:
  T* data_;
  index_t increment_;
  AlignedArray<T> turned_;
  VectorView<T> view_;
};

}  // namespace lamella::cblas

#endif  // LAMELLA_CBLAS_VECTOR_H_
