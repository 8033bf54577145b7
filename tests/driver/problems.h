// Products without elements: what the blocking policy sees of them.
#ifndef LAMELLA_TESTS_DRIVER_PROBLEMS_H_
#define LAMELLA_TESTS_DRIVER_PROBLEMS_H_

#include "backends/driver/gemm_problem.h"

namespace lamella::test {

using backends::index;

/// Which of a matrix's dimensions is contiguous, and elements behind each row (or column).
struct Layout {
  enum Order { row_major, col_major } order = row_major;
  index padding = 0;
};

template <class T>
ConstView<T> view_of(index rows, index cols, Layout layout, const T* data = nullptr) {
  if (layout.order == Layout::row_major) return {data, rows, cols, cols + layout.padding, 1};
  return {data, rows, cols, 1, rows + layout.padding};
}

/// C (m x n) ← A (m x k) B (k x n) with B a matrix.
template <class T>
backends::GemmProblem<T> problem_of(index m, index n, index k, Layout a = {}, Layout b = {}) {
  backends::GemmProblem<T> p{};
  p.m = m;
  p.n = n;
  p.k = k;
  p.alpha = 1;
  p.a = view_of<T>(m, k, a);
  p.b.source = backends::SourceB::matrix;
  p.b.matrix = view_of<T>(k, n, b);
  p.c = {nullptr, m, n, n, 1};
  return p;
}

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_DRIVER_PROBLEMS_H_
