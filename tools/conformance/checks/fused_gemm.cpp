// fused_gemm is the gemm, bias_add, activate and activate_backward of the same backend, bit for
// bit: fusing is a matter of speed and never of the result.
#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/gemm_case.h"

namespace lamella::conformance {
namespace {

constexpr Activation kActivations[] = {
    {ActivationKind::identity, 0.01},    {ActivationKind::relu, 0.01},
    {ActivationKind::leaky_relu, 0.125}, {ActivationKind::leaky_relu, 0.01},
    {ActivationKind::tanh, 0.01},        {ActivationKind::sigmoid, 0.01},
    {ActivationKind::gelu, 0.01},        {ActivationKind::selu, 0.01},
    {ActivationKind::softplus, 0.01}};

struct FusedCase {
  GemmCase gemm;
  Activation activation;
  bool bias = false;
  bool activation_output = false;
  Layout bias_layout, output_layout;
  Activation backward_of;
};

std::string describe(const FusedCase& f) {
  return describe(f.gemm) + " f=" + std::to_string(static_cast<int>(f.activation.kind)) +
         (f.bias ? " bias " + describe(f.bias_layout) : "") +
         (f.activation_output ? " activation_output " + describe(f.output_layout) +
                                    " g=" + std::to_string(static_cast<int>(f.backward_of.kind))
                              : "");
}

FusedCase random_fused_case(Random& random, const GemmShape& shape) {
  return {random_case(random, shape), pick(random, kActivations), random() % 2 == 0,
          random() % 2 == 0,          random_layout(random),      random_layout(random),
          pick(random, kActivations)};
}

/// An activation output holds activations: values of tanh or sigmoid, zeros and ones of relu among
/// them.
double activation_value(Random& random) {
  return random() % 4 == 0 ? static_cast<double>(random() % 2) : uniform(random, -1, 1);
}

/// `value` fills A, B, C and the bias, `activation_of(random)` the activation output.
template <class T, class F>
void expect_fused_is_unfused(CheckContext& context, Random& random, const FusedCase& f, F value,
                             double (*activation_of)(Random&) = activation_value) {
  const index_t m = f.gemm.shape.m, n = f.gemm.shape.n;
  const GemmOperands<T> operands(f.gemm, value);
  const Operand<T> bias = vector_operand<T>(n, f.bias_layout, [&](index_t) { return value(); });
  const Operand<T> activation_output(m, n, f.output_layout,
                                     [&](index_t, index_t) { return activation_of(random); });
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, describe(f));
    const Backend& backend = *tested.backend;
    const Operand<T> fused = operands.output();
    const Operand<T> unfused = operands.output();
    Epilogue<T> epilogue;
    if (f.bias) epilogue.bias = bias.vector();
    epilogue.activation = f.activation;
    if (f.activation_output) epilogue.activation_output = activation_output.read();
    epilogue.backward_of = f.backward_of;
    backend.run(FusedGemm<T>{operands.call(fused.view()), epilogue});

    backend.run(operands.call(unfused.view()));
    if (f.bias) backend.run(BiasAdd<T>{bias.vector(), unfused.view()});
    backend.run(Activate<T>{f.activation, unfused.read(), unfused.view()});
    if (f.activation_output)
      backend.run(ActivateBackward<T>{f.backward_of, activation_output.read(), unfused.view()});
    context(tested, describe(f),
            first_of({different_bits(fused.read(), unfused.read()), fused.stray_writes()}));
  }
}

template <class T>
void all_activations(CheckContext& context) {
  Random random(10);
  const auto value = [&] { return uniform(random, -1, 1); };
  // The second has several blocks of K: the epilogue must come after the last.
  for (const GemmShape& shape : {GemmShape{13, 37, 9}, {5, 33, 1100}})
    for (const Activation& activation : kActivations)
      for (const Activation& backward_of : kActivations)
        for (bool bias : {false, true})
          for (bool activation_output : {false, true}) {
            if (!activation_output && backward_of != kActivations[0]) continue;
            FusedCase f = random_fused_case(random, shape);
            f.activation = activation;
            f.backward_of = backward_of;
            f.bias = bias;
            f.activation_output = activation_output;
            expect_fused_is_unfused<T>(context, random, f, value);
          }
  context.expect_cases(168);
}

template <class T>
void all_strides(CheckContext& context) {
  Random random(11);
  const auto value = [&] { return uniform(random, -1, 1); };
  for (const GemmShape& shape :
       {GemmShape{17, 49, 30}, {128, 10, 64}, {10, 128, 64}, {1, 50, 70}, {21, 70, 10}})
    for (Order a : kOrders)
      for (Order b : kOrders)
        for (Order c : kOrders)
          for (Order activation_output : kOrders) {
            FusedCase f = random_fused_case(random, shape);
            f.gemm.a.order = a;
            f.gemm.b.order = b;
            f.gemm.c.order = c;
            f.output_layout.order = activation_output;
            f.activation_output = f.bias = true;
            expect_fused_is_unfused<T>(context, random, f, value);
          }
  context.expect_cases(5 * 81);
}

template <class T>
void all_shapes(CheckContext& context) {
  Random random(12);
  const auto value = [&] { return uniform(random, -1, 1); };
  for (const GemmShape& shape : gemm_shapes(40'000))
    expect_fused_is_unfused<T>(context, random, random_fused_case(random, shape), value);
  context.expect_cases(1001);
}

template <class T>
void special_values(CheckContext& context) {
  Random random(13);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto value = [&] {
    return random() % 100 == 0 ? pick(random, {kInfinity, -kInfinity, kNan})
                               : pick(random, {0.0, -0.0, 1.0, -1.0});
  };
  // Also what relu makes of NaN, and zeros of both signs: their derivative is chosen by them.
  const auto activation_of = [](Random& r) {
    return pick(r, {0.0, -0.0, 1.0, -1.0, 0.5, kInfinity, kNan});
  };
  for (const GemmShape& shape : {GemmShape{9, 35, 4}, {20, 20, 1}, {3, 70, 0}, {1, 19, 5}})
    for (int repeat = 0; repeat < 80; ++repeat)
      expect_fused_is_unfused<T>(context, random, random_fused_case(random, shape), value,
                                 activation_of);
  context.expect_cases(320);
}

}  // namespace

std::vector<Check> fused_gemm_checks() {
  return {{"fused_gemm", "equals the separate calls, all activations and activation outputs",
           all_activations<float>, all_activations<double>},
          {"fused_gemm", "equals the separate calls, all transposes and strides",
           all_strides<float>, all_strides<double>},
          {"fused_gemm", "equals the separate calls, all shapes", all_shapes<float>,
           all_shapes<double>},
          {"fused_gemm", "equals the separate calls on zeros, infinities and NaN",
           special_values<float>, special_values<double>}};
}

}  // namespace lamella::conformance
