// The right operand of many products, packed once instead of in every product.
//
// Not here: the packed layout, which belongs to the backend (Kernels::pack_b), and the products,
// which take the packed operand beside the matrix (Gemm::packed_b).
#ifndef LAMELLA_PACKED_MATRIX_H_
#define LAMELLA_PACKED_MATRIX_H_

#include <memory>

#include <lamella/export.h>
#include <lamella/matrix.h>
#include <lamella/view.h>

namespace lamella {

class Backend;

/// The operand B of many products C ← alpha A B + beta C, in the layout that a backend's
/// micro-kernels read. An example is a layer's weights, by which batch after batch is multiplied.
///
/// Useful where samples lie in rows and a batch has some hundred of them or fewer: a product that
/// packs B itself uses the packed copy only as often as A has rows.
///
/// Keeps a reference to the matrix, which must outlive it unchanged: products for which another
/// algorithm is faster (for example with one row of A) read the original. Results may differ in
/// their last bits from those without packing, where sums are then taken in another order.
template <class T>
class LAMELLA_API PackedMatrix {
  static_assert(kIsElement<T>, "lamella computes with elements of type float or double");

 public:
  /// Packs `matrix`, k x n of any strides, for products of `backend`. Takes as much memory as the
  /// matrix, with n rounded up to whole panels. With a backend that packs nothing in advance (a
  /// plugin), products read the matrix itself. Throws ArgumentError for a null backend or an
  /// invalid view, and std::bad_alloc.
  PackedMatrix(std::shared_ptr<const Backend> backend, ConstView<T> matrix);

  /// The matrix that was packed.
  ConstView<T> view() const noexcept { return matrix_; }
  /// The backend whose products can read packed().
  const Backend& backend() const noexcept { return *backend_; }
  /// The result of Kernels::pack_b, or null if the backend packs nothing in advance.
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
