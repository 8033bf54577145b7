// Operands of each case. m x n x k is batch x units x inputs of the product written batch-first, as
// in docs/performance/methodology.md:
//   forward          Y[m, n] = X[m, k] W[n, k]ᵀ        col_major: Yᵀ[n, m] = W Xᵀ[k, m]
//   input_gradient   G[m, n] = D[m, k] W[k, n]                          Gᵀ[n, m] = Wᵀ Dᵀ[k, m]
//   weight_gradient  G[m, n] = D[k, m]ᵀ X[k, n]                         G = Dᵀ[m, k] (Xᵀ[n, k])ᵀ
//   weight_update    W[m, n] -= η D[k, m]ᵀ X[k, n]: plain gradient descent as one product
//   square           C[m, n] = A[m, k] B[k, n]
#include "bench/peers/kernels/cases.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <lamella/matrix.h>

#include "bench/workloads/fill.h"

namespace lamella::peers {
namespace {

using bench::PeakKind;

enum class Role { forward, input_gradient, weight_gradient, weight_update, square };

template <class T>
Matrix<T> transposed_copy(const Matrix<T>& from) {
  Matrix<T> to(from.cols(), from.rows());
  const auto source = from.view();
  const auto target = to.view();
  for (index_t i = 0; i < from.rows(); ++i)
    for (index_t j = 0; j < from.cols(); ++j) target(j, i) = source(i, j);
  return to;
}

/// Largest difference between matrices of one shape, or NaN if there is a NaN.
template <class T>
double distance(const Matrix<T>& a, const Matrix<T>& b) {
  double worst = 0;
  for (index_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i]));
    if (!(d <= worst)) worst = d;
  }
  return worst;
}

/// What the call makes of a result that holds `before` everywhere, as `view` sees it.
template <class T>
Matrix<T> result_of(const Call& call, Matrix<T>& result, T before, ConstView<T> view) {
  std::ranges::fill(result.values(), before);
  call();
  Matrix<T> copy(view.rows, view.cols);
  for (index_t i = 0; i < view.rows; ++i)
    for (index_t j = 0; j < view.cols; ++j) copy(i, j) = view(i, j);
  return copy;
}

template <class T>
struct ProductOperands {
  Matrix<T> a, b;                  // as stored for the peer
  Matrix<T> a_columns, b_columns;  // those that hold samples, transposed
  // C, which all contenders write in turn: arrays of their own would differ in pages and cache
  // sets. col_major may store it as n x m; `col_major_result` sees it batch-first.
  Matrix<T> result;
  View<T> col_major_result;
};

template <class T>
void fill(Matrix<T>& matrix) {
  bench::fill(matrix.data(), matrix.size());
}

template <class T>
Trial product_trial(const Backend& backend, Peer& peer, Role role, int m, int n, int k) {
  Product<T> product{false, false, m, n, k, T{1}, nullptr, nullptr, T{0}, nullptr};
  product.transpose_a = role == Role::weight_gradient || role == Role::weight_update;
  product.transpose_b = role == Role::forward;
  if (role == Role::weight_update) {
    product.alpha = static_cast<T>(-1e-3);
    product.beta = 1;
  }
  auto own = std::make_shared<ProductOperands<T>>();
  own->a = product.transpose_a ? Matrix<T>(k, m) : Matrix<T>(m, k);
  own->b = product.transpose_b ? Matrix<T>(n, k) : Matrix<T>(k, n);
  fill(own->a);
  fill(own->b);
  own->result = Matrix<T>(m, n);

  const auto& kernels = backend.kernels<T>();
  const ConstView<T> a = own->a.view();
  const ConstView<T> b = own->b.view();
  const Gemm<T> batch_first{product.alpha, product.transpose_a ? transposed(a) : a,
                            product.transpose_b ? transposed(b) : b, product.beta,
                            own->result.view()};
  Trial trial;
  trial.row_major = [own, batch_first, &kernels] { kernels.gemm(batch_first); };

  if (role != Role::square) {
    own->a_columns = transposed_copy(own->a);  // D or X, one sample per column
    const ConstView<T> a_columns = own->a_columns.view();
    Gemm<T> call;
    if (product.transpose_a) {  // a weight gradient: both operands hold samples, the result none
      own->b_columns = transposed_copy(own->b);
      own->col_major_result = own->result.view();
      const ConstView<T> b_columns = own->b_columns.view();
      call = {product.alpha, a_columns, transposed(b_columns), product.beta, own->col_major_result};
    } else {
      const View<T> columns = row_major(own->result.data(), n, m);
      own->col_major_result = transposed(columns);
      call = {product.alpha, product.transpose_b ? b : transposed(b), a_columns, product.beta,
              columns};
    }
    trial.col_major = [own, call, &kernels] { kernels.gemm(call); };
  }

  product.a = own->a.data();
  product.b = own->b.data();
  product.c = own->result.data();
  trial.peer = peer.product(product);

  trial.disagreement = [own, product, ours_in_rows = trial.row_major,
                        ours_in_columns = trial.col_major, peer_call = trial.peer] {
    // Where C is overwritten, whatever was in it must not be seen; else it must, and not be lost
    // in rounding.
    const T before = product.beta == T{0} ? T{1} : product.alpha;
    const Matrix<T> ours = result_of<T>(ours_in_rows, own->result, before, own->result.view());
    const Matrix<T> theirs = result_of<T>(peer_call, own->result, before, own->result.view());
    double worst = distance(ours, theirs);
    if (ours_in_columns)
      worst = std::max(worst, distance(ours, result_of<T>(ours_in_columns, own->result, before,
                                                          own->col_major_result)));
    // Entries are below 1, partial sums grow like a random walk: rounding stays well below k ulp.
    return worst / (8.0 * product.k * std::abs(static_cast<double>(product.alpha)) *
                    static_cast<double>(std::numeric_limits<T>::epsilon()));
  };

  const double elements =
      static_cast<double>(m) * k + static_cast<double>(k) * n + static_cast<double>(m) * n;
  trial.footprint = elements * sizeof(T);
  // With one sample each weight is read for one multiply-add: memory's peak, not arithmetic's.
  trial.peak = m == 1 ? PeakKind::read : bench::fma_peak<T>;
  trial.work = m == 1 ? trial.footprint : 2.0 * m * n * k;
  return trial;
}

/// Kernels that touch each element a few times: an input, a result, a vector or two.
struct MemoryOperands {
  Matrix<float> input, result;
  AlignedArray<float> x, y;

  MemoryOperands(int m, int n) : input(m, n), result(m, n), x(m), y(n) {
    fill(input);
    fill(result);
    bench::fill(x.data(), x.size());
    bench::fill(y.data(), y.size());
  }
};

/// Their trial, with one matrix read and one written: a second one (PeakKind::copy) or the same
/// (PeakKind::scale). `magnitude` is that of the numbers which the kernel writes or adds.
Trial memory_trial(const std::shared_ptr<MemoryOperands>& own, Call ours, Call theirs,
                   PeakKind peak, float magnitude) {
  const double bytes = static_cast<double>(own->input.size()) * sizeof(float);
  Trial trial;
  trial.row_major = std::move(ours);
  trial.peer = std::move(theirs);
  trial.footprint = peak == PeakKind::copy ? 2 * bytes : bytes;
  trial.work = 2 * bytes;
  trial.peak = peak;
  trial.disagreement = [own, ours_in_rows = trial.row_major, peer = trial.peer, magnitude] {
    auto& result = own->result;
    return distance(result_of<float>(ours_in_rows, result, magnitude, result.view()),
                    result_of<float>(peer, result, magnitude, result.view())) /
           (1e-5 * magnitude);
  };
  return trial;
}

/// Small enough that adding it for ever changes little.
constexpr float kLittle = 1e-6F;

Trial rank_one_trial(const Backend& backend, Peer& peer, int m, int n) {
  auto own = std::make_shared<MemoryOperands>(m, n);
  const OuterProduct<float> call{kLittle, own->x.view(), own->y.view(), own->result.view()};
  return memory_trial(
      own, [own, call, &kernels = backend.f32()] { kernels.outer_product(call); },
      peer.rank_one(kLittle, own->x.data(), own->y.data(), own->result.data(), m, n),
      PeakKind::scale, kLittle);
}

Trial bias_add_trial(const Backend& backend, Peer& peer, int m, int n) {
  auto own = std::make_shared<MemoryOperands>(m, n);
  for (float& value : own->y) value *= kLittle;
  const BiasAdd<float> call{own->y.view(), own->result.view()};
  return memory_trial(
      own, [own, call, &kernels = backend.f32()] { kernels.bias_add(call); },
      peer.bias_add(own->y.data(), own->result.data(), m, n), PeakKind::scale, kLittle);
}

Trial softmax_trial(const Backend& backend, Peer& peer, int m, int n) {
  auto own = std::make_shared<MemoryOperands>(m, n);
  const Softmax<float> call{own->input.view(), own->result.view()};
  return memory_trial(
      own, [own, call, &kernels = backend.f32()] { kernels.softmax(call); },
      peer.softmax(own->input.data(), own->result.data(), m, n), PeakKind::copy,
      1.0F / static_cast<float>(n));
}

std::string text(int m, int n) { return std::to_string(m) + 'x' + std::to_string(n); }

template <class T>
void add_product(std::vector<Case>& cases, const char* role_name, Role role, int m, int n, int k) {
  const std::string shape =
      role == Role::square ? std::to_string(n) + "^3" : text(m, n) + 'x' + std::to_string(k);
  cases.push_back({std::string(sizeof(T) == 4 ? "f32 " : "f64 ") + role_name + ' ' + shape,
                   [=](const Backend& backend, Peer& peer) {
                     return product_trial<T>(backend, peer, role, m, n, k);
                   }});
}

}  // namespace

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  const int forward[][3] = {{128, 512, 784}, {128, 256, 512}, {128, 10, 256},
                            {32, 256, 784},  {1, 512, 784},   {512, 1024, 1024}};
  for (const auto& s : forward)
    add_product<float>(cases, "forward", Role::forward, s[0], s[1], s[2]);
  const int weight_gradient[][3] = {{512, 784, 128}, {256, 512, 128}, {10, 256, 128}};
  for (const auto& s : weight_gradient)
    add_product<float>(cases, "weight_gradient", Role::weight_gradient, s[0], s[1], s[2]);
  add_product<float>(cases, "weight_update", Role::weight_update, 512, 784, 128);
  const int input_gradient[][3] = {{128, 512, 256}, {128, 256, 10}};
  for (const auto& s : input_gradient)
    add_product<float>(cases, "input_gradient", Role::input_gradient, s[0], s[1], s[2]);
  for (const int n : {64, 128, 256, 512, 1024, 2048})
    add_product<float>(cases, "square", Role::square, n, n, n);
  add_product<double>(cases, "square", Role::square, 1024, 1024, 1024);

  cases.push_back({"f32 softmax 1024x1000", [](const Backend& backend, Peer& peer) {
                     return softmax_trial(backend, peer, 1024, 1000);
                   }});
  cases.push_back({"f32 bias_add 1024x1024", [](const Backend& backend, Peer& peer) {
                     return bias_add_trial(backend, peer, 1024, 1024);
                   }});
  cases.push_back({"f32 rank_one 1024x1024", [](const Backend& backend, Peer& peer) {
                     return rank_one_trial(backend, peer, 1024, 1024);
                   }});
  return cases;
}

}  // namespace lamella::peers
