// cblas_sgemm and cblas_dgemm: C <- alpha op(A) op(B) + beta C. op(A) is m x k, op(B) k x n.
#include <algorithm>

#include "cblas/routine.h"

namespace lamella::cblas {
namespace {

/// A rows x cols matrix in the caller's layout, which holds its transpose if `trans` says so.
template <class T>
View<T> operand(T* data, bool row_major, int trans, int rows, int cols, int ld) {
  const bool by_rows = row_major == (trans == kNoTrans);
  return by_rows ? View<T>{data, rows, cols, ld, 1} : View<T>{data, rows, cols, 1, ld};
}

template <class T>
void gemm(const char* name, int layout, int transa, int transb, int m, int n, int k, T alpha,
          const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) {
  const bool row_major = layout == kRowMajor;
  const Routine routine{name, row_major};
  if (!is_layout(layout)) return routine.bad_argument(1, "layout", layout);
  if (!is_transpose(transa)) return routine.bad_argument(2, "TransA", transa);
  if (!is_transpose(transb)) return routine.bad_argument(3, "TransB", transb);

  // In the order and with the numbers of a column-major product: a row-major one is that with its
  // operands exchanged.
  const int least_lda = std::max(1, (transa == kNoTrans) == row_major ? k : m);
  const int least_ldb = std::max(1, (transb == kNoTrans) == row_major ? n : k);
  const struct {
    int parameter;
    const char* name;
    int value, least;
  } checks[] = {
      {4, row_major ? "N" : "M", row_major ? n : m, 0},
      {5, row_major ? "M" : "N", row_major ? m : n, 0},
      {6, "K", k, 0},
      {9, row_major ? "ldb" : "lda", row_major ? ldb : lda, row_major ? least_ldb : least_lda},
      {11, row_major ? "lda" : "ldb", row_major ? lda : ldb, row_major ? least_lda : least_ldb},
      {14, "ldc", ldc, std::max(1, row_major ? n : m)},
  };
  for (const auto& check : checks)
    if (check.value < check.least)
      return routine.bad_argument(check.parameter, check.name, check.value);

  if (m == 0 || n == 0 || ((alpha == 0 || k == 0) && beta == 1)) return;
  routine.run([&](const Backend& backend) {
    backend.kernels<T>().gemm({alpha, operand(a, row_major, transa, m, k, lda),
                               operand(b, row_major, transb, k, n, ldb), beta,
                               operand(c, row_major, kNoTrans, m, n, ldc)});
  });
}

}  // namespace
}  // namespace lamella::cblas

extern "C" {

LAMELLA_API void cblas_sgemm(int layout, int transa, int transb, int m, int n, int k, float alpha,
                             const float* a, int lda, const float* b, int ldb, float beta, float* c,
                             int ldc) {
  lamella::cblas::gemm("cblas_sgemm", layout, transa, transb, m, n, k, alpha, a, lda, b, ldb, beta,
                       c, ldc);
}

LAMELLA_API void cblas_dgemm(int layout, int transa, int transb, int m, int n, int k, double alpha,
                             const double* a, int lda, const double* b, int ldb, double beta,
                             double* c, int ldc) {
  lamella::cblas::gemm("cblas_dgemm", layout, transa, transb, m, n, k, alpha, a, lda, b, ldb, beta,
                       c, ldc);
}
}
