// Matrix products at the shapes of networks, in both layouts, and squares.
//
// m x n x k in a name is always batch x units x inputs of the product written batch-first:
//   forward          y [m, n] = x [m, k] Wᵀ            W is [n, k], row-major as the network has it
//   input_gradient   g [m, n] = d [m, k] W             W is [k, n]
//   weight_gradient  W [m, n] (+)= dᵀ x over k samples
// Layout "user" has samples in rows (batch-first, row-major); "training" is the layout the network
// keeps inside, samples in columns, which computes the transpose of the first two.
#include <lamella/matrix.h>

#include <memory>
#include <string>

#include "bench/cases.h"

namespace lamella::bench {
namespace {

struct Shape {
  index_t m, n, k;
  std::string text() const {
    return std::to_string(m) + 'x' + std::to_string(n) + 'x' + std::to_string(k);
  }
};

enum class Role { forward, input_gradient, weight_gradient, square };
enum class Layout { user, training };

const char* name_of(Role role) {
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
    const bool training = layout == Layout::training;
    switch (role) {
      case Role::forward:
        if (training) {  // C [units, batch] = W [units, inputs] A [inputs, batch]
          allocate(s.n, s.k, s.k, s.m, s.n, s.m);
          call = {T{1}, a.view(), b.view(), T{0}, c.view()};
        } else {  // Y [batch, units] = X [batch, inputs] Wᵀ
          allocate(s.m, s.k, s.n, s.k, s.m, s.n);
          call = {T{1}, a.view(), transposed(b.view()), T{0}, c.view()};
        }
        break;
      case Role::input_gradient:
        if (training) {  // C [inputs, batch] = Wᵀ D, W [units, inputs], D [units, batch]
          allocate(s.k, s.n, s.k, s.m, s.n, s.m);
          call = {T{1}, transposed(a.view()), b.view(), T{0}, c.view()};
        } else {  // G [batch, inputs] = D [batch, units] W [units, inputs]
          allocate(s.m, s.k, s.k, s.n, s.m, s.n);
          call = {T{1}, a.view(), b.view(), T{0}, c.view()};
        }
        break;
      case Role::weight_gradient:
        if (training) {  // W ← W - η D Aᵀ, D [units, batch], A [inputs, batch]: MATH.md's one GEMM
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

template <class T>
void register_gemm(const Subject& subject, Role role, Layout layout, const Shape& shape) {
  const char* layout_name = role == Role::square         ? "any"
                            : layout == Layout::training ? "training"
                                                         : "user";
  register_benchmark(
      benchmark_name("gemm", type_name<T>, subject, layout_name, name_of(role) + shape.text()),
      [=](Run& run) {
        Operands<T> operands(role, layout, shape);
        // A product with one sample reads each weight once: its roof is memory's, not arithmetic's.
        const RoofKind roof = shape.m == 1 ? RoofKind::read : fma_roof<T>;
        const auto& kernels = subject.backend->kernels<T>();
        run_kernel(run, subject, roof, work_of(operands.call),
                   [&] { kernels.gemm(operands.call); });
      });
}

/// The products with their epilogues, as a training step makes them.
template <class T>
void register_fused(const Subject& subject, Role role, const Shape& shape) {
  const std::string epilogue = role == Role::forward ? "bias_relu_" : "relu_gate_";
  register_benchmark(
      benchmark_name("fused_gemm", type_name<T>, subject, "training",
                     name_of(role) + epilogue + shape.text()),
      [=](Run& run) {
        Operands<T> operands(role, Layout::training, shape);
        // An epilogue's bias runs along the columns of C, so the call describes the
        // transpose: samples in rows, by strides.
        const auto& g = operands.call;
        FusedGemm<T> call;
        call.gemm = {g.alpha, transposed(g.b), transposed(g.a), g.beta, transposed(g.c)};
        AlignedArray<T> bias(call.gemm.c.cols);
        Matrix<T> gate(g.c.rows, g.c.cols);
        fill(bias.data(), bias.size());
        fill(gate.data(), gate.size());
        if (role == Role::forward) {
          call.epilogue.bias = bias.view();
          call.epilogue.activation.kind = ActivationKind::relu;
        } else {
          call.epilogue.gate = transposed(ConstView<T>(gate.view()));
          call.epilogue.gate_activation.kind = ActivationKind::relu;
        }
        const auto& kernels = subject.backend->kernels<T>();
        run_kernel(run, subject, fma_roof<T>, work_of(call.gemm),
                   [&] { kernels.fused_gemm(call); });
      });
}

template <class T>
void register_type(const Subject& subject) {
  const Shape forward[] = {{128, 512, 784}, {128, 256, 512}, {128, 10, 256},
                           {32, 256, 784},  {1, 512, 784},   {512, 1024, 1024}};
  const Shape input_gradient[] = {{128, 512, 256}, {128, 256, 10}};
  const Shape weight_gradient[] = {{512, 784, 128}, {256, 512, 128}, {10, 256, 128}};
  for (const Layout layout : {Layout::training, Layout::user}) {
    for (const auto& shape : forward) register_gemm<T>(subject, Role::forward, layout, shape);
    for (const auto& shape : input_gradient)
      register_gemm<T>(subject, Role::input_gradient, layout, shape);
    for (const auto& shape : weight_gradient)
      register_gemm<T>(subject, Role::weight_gradient, layout, shape);
  }
  for (const index_t n : {64, 128, 256, 512, 1024, 2048})
    register_gemm<T>(subject, Role::square, Layout::user, {n, n, n});
  for (const auto& shape : {forward[0], forward[1]})
    register_fused<T>(subject, Role::forward, shape);
  register_fused<T>(subject, Role::input_gradient, input_gradient[0]);
}

}  // namespace

void register_gemms(const Subject& subject) {
  register_type<float>(subject);
  register_type<double>(subject);
}

}  // namespace lamella::bench
