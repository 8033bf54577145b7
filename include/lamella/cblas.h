/* The standard C interface of the BLAS, as far as liblamella_cblas.so offers it. For C99 and C++.
 *
 * Programs that include another library's cblas.h need not change: names, values and calling
 * conventions are the same. Include one of the two. docs/cblas.md says what is special here: how
 * the backend is chosen, and what happens when there is none.
 *
 * op(X) is X or its transpose. Leading dimensions count elements: at least a row's length with
 * CblasRowMajor, at least a column's with CblasColMajor. A vector with a negative increment begins
 * with its last element in memory. Outputs overlap no other operand. With beta = 0 an output is
 * only written: what it held, NaN included, does not matter.
 */
#ifndef LAMELLA_CBLAS_H_
#define LAMELLA_CBLAS_H_

#include <lamella/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum CBLAS_LAYOUT { CblasRowMajor = 101, CblasColMajor = 102 } CBLAS_LAYOUT;
typedef enum CBLAS_TRANSPOSE {
  CblasNoTrans = 111,
  CblasTrans = 112,
  CblasConjTrans = 113 /* the same as CblasTrans for real matrices */
} CBLAS_TRANSPOSE;
/* The name that older versions of the standard's header give to the layout. */
#define CBLAS_ORDER CBLAS_LAYOUT

/* C <- alpha op(A) op(B) + beta C; op(A) is M x K, op(B) is K x N, C is M x N. */
LAMELLA_API void cblas_sgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE TransA, CBLAS_TRANSPOSE TransB,
                             int M, int N, int K, float alpha, const float* A, int lda,
                             const float* B, int ldb, float beta, float* C, int ldc);
LAMELLA_API void cblas_dgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE TransA, CBLAS_TRANSPOSE TransB,
                             int M, int N, int K, double alpha, const double* A, int lda,
                             const double* B, int ldb, double beta, double* C, int ldc);

/* y <- alpha op(A) x + beta y; A is M x N. With M = 0 or N = 0, y is left as it is. */
LAMELLA_API void cblas_sgemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE TransA, int M, int N, float alpha,
                             const float* A, int lda, const float* X, int incX, float beta,
                             float* Y, int incY);
LAMELLA_API void cblas_dgemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE TransA, int M, int N,
                             double alpha, const double* A, int lda, const double* X, int incX,
                             double beta, double* Y, int incY);

/* A <- A + alpha x y'; A is M x N. */
LAMELLA_API void cblas_sger(CBLAS_LAYOUT layout, int M, int N, float alpha, const float* X,
                            int incX, const float* Y, int incY, float* A, int lda);
LAMELLA_API void cblas_dger(CBLAS_LAYOUT layout, int M, int N, double alpha, const double* X,
                            int incX, const double* Y, int incY, double* A, int lda);

/* Called when argument `parameter` of `routine` is wrong, or, with parameter 0, when the call
 * cannot be computed; nothing has been written then. lamella's own prints to stderr and ends the
 * process with exit code 255. A program that defines this function itself gets the calls instead.
 * Numbers are those of the standard's library, in a row-major call (RowMajorStrg is then nonzero)
 * those of the column-major call that it stands for. */
LAMELLA_API void cblas_xerbla(int parameter, const char* routine, const char* format, ...);
LAMELLA_API extern int RowMajorStrg;

#ifdef __cplusplus
}
#endif

#endif /* LAMELLA_CBLAS_H_ */
