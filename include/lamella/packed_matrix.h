// A factor of products, packed once instead of in every product.
//
// Not here: the form itself, which is the backend's (Kernels::pack_b), and the products, which take
// it beside the matrix (Gemm::packed_b).
#ifndef LAMELLA_PACKED_MATRIX_H_
#define LAMELLA_PACKED_MATRIX_H_

#include <memory>

#include <lamella/export.h>
#include <lamella/matrix.h>
#include <lamella/view.h>

namespace lamella {

class Backend;

/// B of many products C ← alpha A B + beta C, such as the weights of a layer by which one batch of
/// samples after the other is multiplied, in the form in which a backend's micro-kernels read it.
///
/// Worth having where samples lie in rows and a batch has some hundred or fewer: a product packs B
/// for as many uses only as A has rows. Refers to the matrix, which must outlive it and keep its
/// values: products that another way suits better, those of a single row among them, read it
/// instead. Results may differ in the last bits from those without packing, where sums are then
/// taken in another order.
template <class T>
class LAMELLA_API PackedMatrix {
 public:
  /// Packs `matrix`, k x n of any strides, for products of `backend`, and takes as much memory
  /// again, n rounded up to whole panels. A backend that packs nothing in advance (a plugin) leaves
  /// it at the matrix. Throws ArgumentError for a null backend or an invalid view, std::bad_alloc.
  PackedMatrix(std::shared_ptr<const Backend> backend, ConstView<T> matrix);

  /// The matrix that was packed.
  ConstView<T> view() const noexcept { return matrix_; }
  /// Who can read packed().
  const Backend& backend() const noexcept { return *backend_; }
  /// What Kernels::pack_b made of the matrix, or null.
  const T* packed() const noexcept { return packed_.data(); }

 private:
  std::shared_ptr<const Backend> backend_;
  ConstView<T> matrix_;
  AlignedArray<T> packed_;
};

extern template class PackedMatrix<float>;
extern template class PackedMatrix<double>;

}  // namespace lamella

#endif  // LAMELLA_PACKED_MATRIX_H_
