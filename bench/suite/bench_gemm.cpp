// Matrix products at the shapes of networks (products.h), in both layouts, and squares.
#include <optional>
#include <string>

#include "bench/suite/benchmarks.h"
#include "bench/workloads/products.h"

namespace lamella::bench {
namespace {

template <class T>
void register_gemm(const BackendUnderTest& subject, Role role, Layout layout, const Shape& shape) {
  const char* layout_name = role == Role::square          ? "any"
                            : layout == Layout::col_major ? "col_major"
                            : layout == Layout::packed    ? "packed"
                                                          : "row_major";
  register_benchmark(
      benchmark_name("gemm", type_name<T>, subject, layout_name, name_of(role) + shape.text()),
      [=](Run& run) {
        Operands<T> operands(role, layout, shape);
        std::optional<PackedMatrix<T>> weights;
        if (layout == Layout::packed)
          operands.call.packed_b = &weights.emplace(subject.backend, operands.call.b);
        // A product with one sample reads each weight once: its peak is memory's, not arithmetic's.
        const PeakKind peak = shape.m == 1 ? PeakKind::read : fma_peak<T>;
        const auto& kernels = subject.backend->kernels<T>();
        run_kernel(run, subject, peak, work_of(operands.call),
                   [&] { kernels.gemm(operands.call); });
      });
}

/// The products with their epilogues, as a training step makes them.
template <class T>
void register_fused(const BackendUnderTest& subject, Role role, const Shape& shape) {
  const std::string epilogue = role == Role::forward ? "bias_relu_" : "relu_backward_";
  register_benchmark(
      benchmark_name("fused_gemm", type_name<T>, subject, "col_major",
                     name_of(role) + epilogue + shape.text()),
      [=](Run& run) {
        Operands<T> operands(role, Layout::col_major, shape);
        // An epilogue's bias runs along the columns of C, so the call describes the
        // transpose: samples in rows, by strides.
        const auto& g = operands.call;
        FusedGemm<T> call;
        call.gemm = {g.alpha, transposed(g.b), transposed(g.a), g.beta, transposed(g.c)};
        AlignedArray<T> bias(call.gemm.c.cols);
        Matrix<T> activation_output(g.c.rows, g.c.cols);
        fill(bias.data(), bias.size());
        fill(activation_output.data(), activation_output.size());
        if (role == Role::forward) {
          call.epilogue.bias = bias.view();
          call.epilogue.activation.kind = ActivationKind::relu;
        } else {
          call.epilogue.activation_output = transposed(ConstView<T>(activation_output.view()));
          call.epilogue.backward_of.kind = ActivationKind::relu;
        }
        const auto& kernels = subject.backend->kernels<T>();
        run_kernel(run, subject, fma_peak<T>, work_of(call.gemm),
                   [&] { kernels.fused_gemm(call); });
      });
}

template <class T>
void register_type(const BackendUnderTest& subject) {
  const Shape forward[] = {{128, 512, 784}, {128, 256, 512}, {128, 10, 256},
                           {32, 256, 784},  {1, 512, 784},   {512, 1024, 1024}};
  const Shape input_gradient[] = {{128, 512, 256}, {128, 256, 10}};
  const Shape weight_gradient[] = {{512, 784, 128}, {256, 512, 128}, {10, 256, 128}};
  for (const Layout layout : {Layout::col_major, Layout::row_major}) {
    for (const auto& shape : forward) register_gemm<T>(subject, Role::forward, layout, shape);
    for (const auto& shape : input_gradient)
      register_gemm<T>(subject, Role::input_gradient, layout, shape);
    for (const auto& shape : weight_gradient)
      register_gemm<T>(subject, Role::weight_gradient, layout, shape);
  }
  for (const auto& shape : forward)
    if (shape.m > 1) register_gemm<T>(subject, Role::forward, Layout::packed, shape);
  for (const auto& shape : input_gradient)
    register_gemm<T>(subject, Role::input_gradient, Layout::packed, shape);
  for (const index_t n : {64, 128, 256, 512, 1024, 2048})
    register_gemm<T>(subject, Role::square, Layout::row_major, {n, n, n});
  for (const auto& shape : {forward[0], forward[1]})
    register_fused<T>(subject, Role::forward, shape);
  register_fused<T>(subject, Role::input_gradient, input_gradient[0]);
}

}  // namespace

void register_gemms(const BackendUnderTest& subject) {
  register_type<float>(subject);
  register_type<double>(subject);
}

}  // namespace lamella::bench
