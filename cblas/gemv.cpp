// cblas_sgemv and cblas_dgemv: y <- alpha op(A) x + beta y. A is m x n.
#include <algorithm>

#include "cblas/routine.h"
#include "cblas/vector.h"

namespace lamella::cblas {
namespace {

template <class T>
void gemv(const char* name, int layout, int trans, int m, int n, T alpha, const T* a, int lda,
          const T* x, int incx, T beta, T* y, int incy) {
  const bool row_major = layout == kRowMajor;
  const Routine routine{name, row_major};
  if (!is_layout(layout)) return routine.bad_argument(1, "layout", layout);
  if (!is_transpose(trans)) return routine.bad_argument(2, "TransA", trans);
  // With the numbers of the transposed column-major call where A is row-major.
  const int first = row_major ? n : m, second = row_major ? m : n;
  if (first < 0) return routine.bad_argument(3, row_major ? "N" : "M", first);
  if (second < 0) return routine.bad_argument(4, row_major ? "M" : "N", second);
  if (lda < std::max(1, first)) return routine.bad_argument(7, "lda", lda);
  if (incx == 0) return routine.bad_argument(9, "incX", incx);
  if (incy == 0) return routine.bad_argument(12, "incY", incy);

  // Also with n = 0, when beta y might be expected: the standard's library returns here too.
  if (m == 0 || n == 0 || (alpha == 0 && beta == 1)) return;
  routine.run([&](const Backend& backend) {
    ConstView<T> matrix = row_major ? ConstView<T>{a, m, n, lda, 1} : ConstView<T>{a, m, n, 1, lda};
    if (trans != kNoTrans) matrix = transposed(matrix);
    const Input<T> in(x, matrix.cols, incx);
    InOut<T> out(y, matrix.rows, incy);
    backend.kernels<T>().gemm({alpha, matrix, in.as_column(), beta, out.as_column()});
    out.store();
  });
}

}  // namespace
}  // namespace lamella::cblas

extern "C" {

LAMELLA_API void cblas_sgemv(int layout, int trans, int m, int n, float alpha, const float* a,
                             int lda, const float* x, int incx, float beta, float* y, int incy) {
  lamella::cblas::gemv("cblas_sgemv", layout, trans, m, n, alpha, a, lda, x, incx, beta, y, incy);
}

LAMELLA_API void cblas_dgemv(int layout, int trans, int m, int n, double alpha, const double* a,
                             int lda, const double* x, int incx, double beta, double* y, int incy) {
  lamella::cblas::gemv("cblas_dgemv", layout, trans, m, n, alpha, a, lda, x, incx, beta, y, incy);
}
}
