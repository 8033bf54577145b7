// The six routines against plain loops, on small integers, so that every result is exact: layouts,
// transposes, padding, increments of both signs, and what the standard says about zeros.
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <lamella/cblas.h>

#include "tests/catch.h"

namespace {

struct Report {
  int parameter = -1;
  std::string routine, text;
  bool row_major = false;
};
std::vector<Report> reports;

}  // namespace

// This program's handler, which comes before the library's own.
extern "C" void cblas_xerbla(int parameter, const char* routine, const char* format, ...) {
  char text[1000];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  reports.push_back({parameter, routine, text, RowMajorStrg != 0});
}

namespace {

using Catch::Matchers::ContainsSubstring;

constexpr CBLAS_LAYOUT kLayouts[] = {CblasRowMajor, CblasColMajor};
constexpr CBLAS_TRANSPOSE kTransposes[] = {CblasNoTrans, CblasTrans, CblasConjTrans};

void gemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k,
          float alpha, const float* a, int lda, const float* b, int ldb, float beta, float* c,
          int ldc) {
  cblas_sgemm(layout, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void gemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k,
          double alpha, const double* a, int lda, const double* b, int ldb, double beta, double* c,
          int ldc) {
  cblas_dgemm(layout, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void gemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE t, int m, int n, float alpha, const float* a,
          int lda, const float* x, int incx, float beta, float* y, int incy) {
  cblas_sgemv(layout, t, m, n, alpha, a, lda, x, incx, beta, y, incy);
}
void gemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE t, int m, int n, double alpha, const double* a,
          int lda, const double* x, int incx, double beta, double* y, int incy) {
  cblas_dgemv(layout, t, m, n, alpha, a, lda, x, incx, beta, y, incy);
}
void ger(CBLAS_LAYOUT layout, int m, int n, float alpha, const float* x, int incx, const float* y,
         int incy, float* a, int lda) {
  cblas_sger(layout, m, n, alpha, x, incx, y, incy, a, lda);
}
void ger(CBLAS_LAYOUT layout, int m, int n, double alpha, const double* x, int incx,
         const double* y, int incy, double* a, int lda) {
  cblas_dger(layout, m, n, alpha, x, incx, y, incy, a, lda);
}

/// A matrix in either layout, with two elements of padding after each row or column.
template <class T>
struct Matrix {
  Matrix(CBLAS_LAYOUT l, int r, int c, int seed)
      : layout(l),
        rows(r),
        cols(c),
        ld((l == CblasRowMajor ? c : r) + 2),
        data(static_cast<std::size_t>(ld) * static_cast<std::size_t>(l == CblasRowMajor ? r : c),
             T(99)) {
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < cols; ++j) at(i, j) = T((seed + 5 * i + 3 * j) % 7 - 3);
  }
  T& at(int i, int j) {
    const int where = layout == CblasRowMajor ? i * ld + j : i + j * ld;
    return data[static_cast<std::size_t>(where)];
  }
  T at(int i, int j) const { return const_cast<Matrix*>(this)->at(i, j); }
  /// Element (i, j) of op(matrix).
  T op(CBLAS_TRANSPOSE t, int i, int j) const { return t == CblasNoTrans ? at(i, j) : at(j, i); }

  CBLAS_LAYOUT layout;
  int rows, cols, ld;
  std::vector<T> data;
};

/// A vector with an increment of either sign, and gaps that must stay as they are.
template <class T>
struct Vector {
  Vector(int n, int increment, int seed)
      : size(n), inc(increment), data(static_cast<std::size_t>(n * std::abs(increment)), T(99)) {
    for (int i = 0; i < n; ++i) at(i) = T((seed + 2 * i) % 5 - 2);
  }
  T& at(int i) {
    const int place = (inc > 0 ? i : size - 1 - i) * std::abs(inc);
    return data[static_cast<std::size_t>(place)];
  }
  int size, inc;
  std::vector<T> data;
};

template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

}  // namespace

TEMPLATE_TEST_CASE("gemm: layouts, transposes, shapes, padding", "[cblas]", float, double) {
  using T = TestType;
  for (const auto layout : kLayouts)
    for (const auto ta : kTransposes)
      for (const auto tb : kTransposes)
        for (const auto& [m, n, k] : {std::array{1, 1, 1}, {5, 3, 4}, {1, 17, 9}, {40, 33, 65}})
          for (const auto& [alpha, beta] : {std::array{T(1), T(0)}, {T(2), T(-1)}, {T(-1), T(1)}}) {
            const Matrix<T> a(layout, ta == CblasNoTrans ? m : k, ta == CblasNoTrans ? k : m, 1);
            const Matrix<T> b(layout, tb == CblasNoTrans ? k : n, tb == CblasNoTrans ? n : k, 2);
            Matrix<T> c(layout, m, n, 3);
            Matrix<T> expected = c;
            for (int i = 0; i < m; ++i)
              for (int j = 0; j < n; ++j) {
                T sum = 0;
                for (int p = 0; p < k; ++p) sum += a.op(ta, i, p) * b.op(tb, p, j);
                expected.at(i, j) = alpha * sum + beta * c.at(i, j);
                if (beta == 0) c.at(i, j) = kNan<T>;
              }
            gemm(layout, ta, tb, m, n, k, alpha, a.data.data(), a.ld, b.data.data(), b.ld, beta,
                 c.data.data(), c.ld);
            CAPTURE(layout, ta, tb, m, n, k, alpha, beta);
            REQUIRE(c.data == expected.data);
          }
}

TEMPLATE_TEST_CASE("gemm: what is zero is not read", "[cblas]", float, double) {
  using T = TestType;
  const Matrix<T> bad(CblasRowMajor, 3, 3, 0);
  const std::vector<T> nans(bad.data.size(), kNan<T>);
  const auto call = [&](int m, int n, int k, T alpha, const T* ab, T beta) {
    std::vector<T> c = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    gemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, alpha, ab, 5, ab, 5, beta, c.data(),
         3);
    return c;
  };
  const std::vector<T> before = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<T> doubled = {2, 4, 6, 8, 10, 12, 14, 16, 18};
  CHECK(call(3, 3, 3, T(0), nans.data(), T(2)) == doubled);
  CHECK(call(3, 3, 3, T(0), nans.data(), T(0)) == std::vector<T>(9, T(0)));
  CHECK(call(3, 3, 3, T(0), nans.data(), T(1)) == before);
  CHECK(call(3, 3, 0, T(1), nullptr, T(2)) == doubled);
  CHECK(call(3, 3, 0, T(1), nullptr, T(0)) == std::vector<T>(9, T(0)));
  CHECK(call(0, 3, 3, T(1), nans.data(), T(0)) == before);
  CHECK(call(3, 0, 3, T(1), nans.data(), T(0)) == before);
  // NaN in what is read comes through.
  for (const T value : call(3, 3, 3, T(1), nans.data(), T(0))) CHECK(std::isnan(value));
}

TEMPLATE_TEST_CASE("gemv: layouts, transposes, increments", "[cblas]", float, double) {
  using T = TestType;
  for (const auto layout : kLayouts)
    for (const auto t : kTransposes)
      for (const auto& [m, n] : {std::array{1, 1}, {4, 7}, {70, 31}})
        for (const int incx : {1, 2, -1, -3})
          for (const int incy : {1, 3, -1, -2})
            for (const T beta : {T(0), T(1), T(2)}) {
              const int outputs = t == CblasNoTrans ? m : n, inputs = t == CblasNoTrans ? n : m;
              const Matrix<T> a(layout, m, n, 1);
              Vector<T> x(inputs, incx, 2), y(outputs, incy, 3);
              Vector<T> expected = y;
              for (int i = 0; i < outputs; ++i) {
                T sum = 0;
                for (int j = 0; j < inputs; ++j) sum += a.op(t, i, j) * x.at(j);
                expected.at(i) = 3 * sum + beta * y.at(i);
                if (beta == 0) y.at(i) = kNan<T>;
              }
              gemv(layout, t, m, n, T(3), a.data.data(), a.ld, x.data.data(), incx, beta,
                   y.data.data(), incy);
              CAPTURE(layout, t, m, n, incx, incy, beta);
              REQUIRE(y.data == expected.data);
            }
}

TEMPLATE_TEST_CASE("gemv: zeros", "[cblas]", float, double) {
  using T = TestType;
  const std::vector<T> nans(4, kNan<T>);
  const auto call = [&](int m, int n, T alpha, T beta) {
    std::vector<T> y = {1, 2};
    gemv(CblasRowMajor, CblasNoTrans, m, n, alpha, nans.data(), 2, nans.data(), 1, beta, y.data(),
         1);
    return y;
  };
  CHECK(call(2, 2, T(0), T(3)) == std::vector<T>{3, 6});
  CHECK(call(2, 2, T(0), T(0)) == std::vector<T>{0, 0});
  CHECK(call(2, 0, T(1), T(3)) == std::vector<T>{1, 2});  // not 3 and 6: as the standard's library
}

TEMPLATE_TEST_CASE("ger: layouts and increments", "[cblas]", float, double) {
  using T = TestType;
  for (const auto layout : kLayouts)
    for (const auto& [m, n] : {std::array{1, 1}, {6, 4}, {30, 70}})
      for (const int incx : {1, 2, -1, -2})
        for (const int incy : {1, 3, -1, -3}) {
          Vector<T> x(m, incx, 1), y(n, incy, 2);
          Matrix<T> a(layout, m, n, 3);
          Matrix<T> expected = a;
          for (int i = 0; i < m; ++i)
            for (int j = 0; j < n; ++j) expected.at(i, j) += 2 * x.at(i) * y.at(j);
          ger(layout, m, n, T(2), x.data.data(), incx, y.data.data(), incy, a.data.data(), a.ld);
          CAPTURE(layout, m, n, incx, incy);
          REQUIRE(a.data == expected.data);
        }
  T a = 5;
  ger(CblasRowMajor, 1, 1, T(0), &kNan<T>, 1, &kNan<T>, 1, &a, 1);
  CHECK(a == 5);
}

TEST_CASE("wrong arguments reach the program's handler, and nothing is computed", "[cblas]") {
  double c = 7;
  const double one = 1;
  const auto parameter_of = [&](auto&& call) {
    reports.clear();
    call();
    CHECK(c == 7);
    REQUIRE(reports.size() == 1);
    return reports[0].parameter;
  };
  const auto dgemm = [&](CBLAS_LAYOUT layout, int ta, int m, int n, int lda, int ldb) {
    return parameter_of([&] {
      cblas_dgemm(layout, static_cast<CBLAS_TRANSPOSE>(ta), CblasNoTrans, m, n, 1, 1, &one, lda,
                  &one, ldb, 0, &c, 1);
    });
  };
  CHECK(dgemm(static_cast<CBLAS_LAYOUT>(100), CblasNoTrans, 1, 1, 1, 1) == 1);
  CHECK(reports[0].routine == "cblas_dgemm");
  CHECK(reports[0].text == "layout is 100\n");
  CHECK(dgemm(CblasColMajor, 110, 1, 1, 1, 1) == 2);
  CHECK(dgemm(CblasColMajor, CblasNoTrans, -1, 1, 1, 1) == 4);
  CHECK_FALSE(reports[0].row_major);
  CHECK(dgemm(CblasColMajor, CblasNoTrans, 1, 1, 0, 1) == 9);
  // Row-major: the number of the column-major call that it stands for, and the flag that says so.
  CHECK(dgemm(CblasRowMajor, CblasNoTrans, -1, 1, 1, 1) == 5);
  CHECK(reports[0].row_major);
  CHECK(reports[0].text == "M is -1\n");
  CHECK(dgemm(CblasRowMajor, CblasNoTrans, 1, 1, 0, 1) == 11);
  CHECK(dgemm(CblasRowMajor, CblasNoTrans, 1, 1, 1, 0) == 9);
  CHECK(parameter_of([&] {
          cblas_dgemv(CblasColMajor, CblasNoTrans, 1, 1, 1, &one, 1, &one, 0, 0, &c, 1);
        }) == 9);
  CHECK(parameter_of([&] { cblas_dger(CblasRowMajor, 1, 1, 1, &one, 0, &one, 1, &c, 1); }) == 8);
}

// Alone in its process, with LAMELLA_BACKEND set to a name that does not exist: see cblas.cmake.
TEST_CASE("a backend that cannot be had is parameter 0; the next call asks again",
          "[.no_backend]") {
  const double one = 1;
  double c = 7;
  const auto multiply = [&] {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 1, 1, 1, 1, &one, 1, &one, 1, 0, &c, 1);
  };
  multiply();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].parameter == 0);
  CHECK(reports[0].routine == "cblas_dgemm");
  CHECK_THAT(reports[0].text, ContainsSubstring("(LAMELLA_BACKEND) is unknown"));
  CHECK_THAT(reports[0].text, ContainsSubstring("known are auto, scalar, simd"));
  CHECK(c == 7);
  setenv("LAMELLA_BACKEND", "scalar", 1);
  multiply();
  CHECK(reports.size() == 1);
  CHECK(c == 1);
}
