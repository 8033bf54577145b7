/* A program written for any CBLAS: prints the product of two small matrices, a matrix
 * times a vector, and an outer product, each in single and double precision. Compiled with the
 * header that CBLAS_HEADER names. */
#include <stdio.h>
#include CBLAS_HEADER

int main(void) {
  const double a[] = {1, 2, 3, 4, 5, 6}; /* 2 x 3 by rows */
  const float af[] = {1, 2, 3, 4, 5, 6};
  double c[4], y[2] = {1, 1}, r[4] = {0};
  float cf[4], yf[2] = {1, 1}, rf[4] = {0};
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, 2, 2, 3, 1, a, 3, a, 3, 0, c, 2);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, 2, 2, 3, 1, af, 3, af, 3, 0, cf, 2);
  cblas_dgemv(CblasColMajor, CblasNoTrans, 2, 3, 1, a, 2, a, -1, 2, y, 1);
  cblas_sgemv(CblasColMajor, CblasNoTrans, 2, 3, 1, af, 2, af, -1, 2, yf, 1);
  cblas_dger(CblasRowMajor, 2, 2, 2, a, 1, a + 2, 1, r, 2);
  cblas_sger(CblasRowMajor, 2, 2, 2, af, 1, af + 2, 1, rf, 2);
  printf("gemm %g %g %g %g  %g %g %g %g\n", c[0], c[1], c[2], c[3], (double)cf[0], (double)cf[1],
         (double)cf[2], (double)cf[3]);
  printf("gemv %g %g  %g %g\n", y[0], y[1], (double)yf[0], (double)yf[1]);
  printf("ger %g %g %g %g  %g %g %g %g\n", r[0], r[1], r[2], r[3], (double)rf[0], (double)rf[1],
         (double)rf[2], (double)rf[3]);
  return 0;
}
