// cblas_sger and cblas_dger: A <- A + alpha x y'. A is m x n.
#include <algorithm>

#include "cblas/routine.h"
#include "cblas/vector.h"

namespace lamella::cblas {
namespace {

template <class T>
void ger(const char* name, int layout, int m, int n, T alpha, const T* x, int incx, const T* y,
         int incy, T* a, int lda) {
  const bool row_major = layout == kRowMajor;
  const Routine routine{name, row_major};
  if (!is_layout(layout)) return routine.bad_argument(1, "layout", layout);
  // With the numbers of the column-major call with x and y exchanged where A is row-major.
  const int first = row_major ? n : m, second = row_major ? m : n;
  const int first_inc = row_major ? incy : incx, second_inc = row_major ? incx : incy;
  if (first < 0) return routine.bad_argument(2, row_major ? "N" : "M", first);
  if (second < 0) return routine.bad_argument(3, row_major ? "M" : "N", second);
  if (first_inc == 0) return routine.bad_argument(6, row_major ? "incY" : "incX", first_inc);
  if (second_inc == 0) return routine.bad_argument(8, row_major ? "incX" : "incY", second_inc);
  if (lda < std::max(1, first)) return routine.bad_argument(10, "lda", lda);

  if (m == 0 || n == 0 || alpha == 0) return;
  routine.run([&](const Backend& backend) {
    const Input<T> left(x, m, incx);
    const Input<T> right(y, n, incy);
    const View<T> matrix = row_major ? View<T>{a, m, n, lda, 1} : View<T>{a, m, n, 1, lda};
    backend.kernels<T>().outer_product({alpha, left.view(), right.view(), matrix});
  });
}

}  // namespace
}  // namespace lamella::cblas

extern "C" {

LAMELLA_API void cblas_sger(int layout, int m, int n, float alpha, const float* x, int incx,
                            const float* y, int incy, float* a, int lda) {
  lamella::cblas::ger("cblas_sger", layout, m, n, alpha, x, incx, y, incy, a, lda);
}

LAMELLA_API void cblas_dger(int layout, int m, int n, double alpha, const double* x, int incx,
                            const double* y, int incy, double* a, int lda) {
  lamella::cblas::ger("cblas_dger", layout, m, n, alpha, x, incx, y, incy, a, lda);
}
}
