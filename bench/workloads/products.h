// Matrix products as a network makes them: operands of each role, in both layouts.
//
// m x n x k is always batch x units x inputs of the product written batch-first:
//   forward          y [m, n] = x [m, k] Wᵀ            W is [n, k], row-major as the network has it
//   input_gradient   g [m, n] = d [m, k] W             W is [k, n]
//   weight_gradient  W [m, n] (+)= dᵀ x over k samples
// Layout row_major has one sample per row (batch-first), packed the same with weights that are
// packed in advance, as a program that only predicts has it. col_major has one sample per column:
// it is what the network keeps inside, and computes the transposes of the first two products.
#ifndef LAMELLA_BENCH_WORKLOADS_PRODUCTS_H_
#define LAMELLA_BENCH_WORKLOADS_PRODUCTS_H_

#include <string>
#include <vector>

#include <lamella/kernels.h>
#include <lamella/matrix.h>

#include "bench/workloads/fill.h"
#include "bench/workloads/work.h"

namespace lamella::bench {

struct Shape {
  index_t m, n, k;
  std::string text() const {
    return std::to_string(m) + 'x' + std::to_string(n) + 'x' + std::to_string(k);
  }
};

enum class Role { forward, input_gradient, weight_gradient, square };
enum class Layout { row_major, col_major, packed };

inline const char* name_of(Role role) {
  switch (role) {
    case Role::forward:
      return "forward_";
    case Role::input_gradient:
      return "input_gradient_";
    case Role::weight_gradient:
      return "weight_gradient_";
    case Role::square:
      return "square_";
  }
  return "?";
}

/// The operands of one product, and views of them as the layout has it.
template <class T>
struct Operands {
  Matrix<T> a, b, c;
  Gemm<T> call;

  Operands(Role role, Layout layout, const Shape& s) {
    const bool columns = layout == Layout::col_major;
    switch (role) {
      case Role::forward:
        if (columns) {  // C [units, batch] = W [units, inputs] A [inputs, batch]
          allocate(s.n, s.k, s.k, s.m, s.n, s.m);
          call = {T{1}, a.view(), b.view(), T{0}, c.view()};
        } else {  // Y [batch, units] = X [batch, inputs] Wᵀ
          allocate(s.m, s.k, s.n, s.k, s.m, s.n);
          call = {T{1}, a.view(), transposed(b.view()), T{0}, c.view()};
        }
        break;
      case Role::input_gradient:
        if (columns) {  // C [inputs, batch] = Wᵀ D, W [units, inputs], D [units, batch]
          allocate(s.k, s.n, s.k, s.m, s.n, s.m);
          call = {T{1}, transposed(a.view()), b.view(), T{0}, c.view()};
        } else {  // G [batch, inputs] = D [batch, units] W [units, inputs]
          allocate(s.m, s.k, s.k, s.n, s.m, s.n);
          call = {T{1}, a.view(), b.view(), T{0}, c.view()};
        }
        break;
      case Role::weight_gradient:
        if (columns) {  // W ← W - η D Aᵀ (docs/math.md), D [units, batch], A [inputs, batch]
          allocate(s.m, s.k, s.n, s.k, s.m, s.n);
          call = {static_cast<T>(-1e-3), a.view(), transposed(b.view()), T{1}, c.view()};
        } else {  // ∇W = Dᵀ X, D [batch, units], X [batch, inputs]
          allocate(s.k, s.m, s.k, s.n, s.m, s.n);
          call = {T{1}, transposed(a.view()), b.view(), T{0}, c.view()};
        }
        break;
      case Role::square:
        allocate(s.m, s.k, s.k, s.n, s.m, s.n);
        call = {T{1}, a.view(), b.view(), T{0}, c.view()};
        break;
    }
  }
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;

 private:
  void allocate(index_t ar, index_t ac, index_t br, index_t bc, index_t cr, index_t cc) {
    a = Matrix<T>(ar, ac);
    b = Matrix<T>(br, bc);
    c = Matrix<T>(cr, cc);
    fill(a.data(), a.size());
    fill(b.data(), b.size());
    fill(c.data(), c.size());
  }
};

template <class T>
Work work_of(const Gemm<T>& call) {
  const auto m = static_cast<double>(call.c.rows);
  const auto n = static_cast<double>(call.c.cols);
  const auto k = static_cast<double>(call.a.cols);
  const double operands = sizeof(T) * (m * k + k * n + m * n);
  const double reread = call.beta == T{0} ? 0 : sizeof(T) * m * n;
  return {2 * m * n * k, operands + reread, operands};
}

/// 2 (3 Σ d_l d_{l-1} - d_1 d_0): the flops of a training step per sample (docs/math.md#work), for
/// layers of these widths, the inputs first.
inline double training_flops(const std::vector<index_t>& widths) {
  double products = 0;
  for (std::size_t l = 1; l < widths.size(); ++l)
    products += static_cast<double>(widths[l]) * static_cast<double>(widths[l - 1]);
  const double first = static_cast<double>(widths[1]) * static_cast<double>(widths[0]);
  return 2 * (3 * products - first);
}

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_WORKLOADS_PRODUCTS_H_
