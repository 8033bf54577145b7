// The argument checks: operands one by one, then shapes against each other, then overlaps.
#include "core/kernels/checks.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <variant>

#include <lamella/error.h>

#include "core/base/footprint.h"
#include "core/base/format.h"

namespace lamella {
namespace {

template <class... Args>
[[noreturn]] void fail(std::string_view where, fmt::format_string<Args...> format, Args&&... args) {
  throw ArgumentError(formatted("{}: {}", where, formatted(format, std::forward<Args>(args)...)));
}

// A named operand that has passed the checks on itself.
struct Operand {
  std::string_view name;
  UntypedView view;
  Footprint footprint;
  bool is_vector = false;
};

std::string shape(const UntypedView& v, bool is_vector) {
  return is_vector ? formatted("{} entries", v.rows) : formatted("{} x {}", v.rows, v.cols);
}
std::string shape(const Operand& o) { return shape(o.view, o.is_vector); }

// What holds for inputs and outputs alike.
Operand check_operand(std::string_view where, std::string_view name, const UntypedView& v,
                      bool is_vector) {
  if (v.rows < 0 || v.cols < 0)
    fail(where, "{} has a negative size ({})", name, shape(v, is_vector));
  if (v.empty()) return {name, v, {}, is_vector};
  if (v.data == nullptr) fail(where, "{} is null but not empty ({})", name, shape(v, is_vector));
  const auto check_stride = [&](index_t count, index_t stride, std::string_view which) {
    if (count > 1 && stride < 0)
      fail(where, "{} has a negative {}stride ({}); it must be at least 0", name, which, stride);
  };
  check_stride(v.rows, v.row_stride, is_vector ? "" : "row ");
  check_stride(v.cols, v.col_stride, "column ");
  if (reinterpret_cast<std::uintptr_t>(v.data) % static_cast<std::uintptr_t>(v.element_size) != 0)
    fail(where, "{} starts at an address that is no multiple of its element size, {} bytes", name,
         v.element_size);
  const auto bytes = footprint(v);
  if (!bytes)
    fail(where, "{} ({}, strides {} and {}) does not fit into the address space", name,
         shape(v, is_vector), v.row_stride, v.col_stride);
  return {name, v, *bytes, is_vector};
}

Operand check_written(std::string_view where, std::string_view name, const UntypedView& v,
                      bool is_vector) {
  const Operand operand = check_operand(where, name, v, is_vector);
  if (v.empty() || elements_are_distinct(v)) return operand;
  if (is_vector)
    fail(where, "{} is written, so its stride must be at least 1, not {}", name, v.row_stride);
  fail(where,
       "{} ({}, row stride {}, column stride {}) is written, so no two elements may share an "
       "address: strides must be at least 1, and rows or columns must not interleave",
       name, shape(v, is_vector), v.row_stride, v.col_stride);
}

// The operands of one kernel call.
struct Checker {
  std::string_view kernel;

  template <class T>
  Operand in(std::string_view name, View<T> v) const {
    return check_operand(kernel, name, untyped(v), false);
  }
  template <class T>
  Operand in(std::string_view name, VectorView<T> v) const {
    return check_operand(kernel, name, untyped(v), true);
  }
  template <class T>
  Operand out(std::string_view name, View<T> v) const {
    return check_written(kernel, name, untyped(v), false);
  }
  template <class T>
  Operand out(std::string_view name, VectorView<T> v) const {
    return check_written(kernel, name, untyped(v), true);
  }

  void same_shape(const Operand& a, const Operand& reference) const {
    if (a.view.rows != reference.view.rows || a.view.cols != reference.view.cols)
      fail(kernel, "{} is {} but {} is {}; the two must have one shape", a.name, shape(a),
           reference.name, shape(reference));
  }
  // A vector with one entry per row or column of a matrix.
  void entries(const Operand& vector, index_t wanted, const Operand& matrix) const {
    if (vector.view.rows != wanted)
      fail(kernel, "{} has {} but {} is {}; {} needs {} entries", vector.name, shape(vector),
           matrix.name, shape(matrix), vector.name, wanted);
  }
  void disjoint(const Operand& written, const Operand& other) const {
    if (overlap(written.footprint, other.footprint))
      fail(kernel, "{} overlaps {}; {} is written and must have memory of its own", written.name,
           other.name, written.name);
  }
  void same_or_disjoint(const Operand& written, const Operand& other) const {
    if (overlap(written.footprint, other.footprint) && !same_view(written.view, other.view))
      fail(kernel, "{} overlaps {} without being the same view; in place or apart is allowed",
           written.name, other.name);
  }
  template <class T>
  void finite(std::string_view name, T value) const {
    if (!std::isfinite(value)) fail(kernel, "{} is {}; it must be finite", name, value);
  }
};

// Checks a product under the name of the kernel it is part of; returns C.
template <class T>
Operand check_product(const Checker& checker, const Gemm<T>& g) {
  const Operand a = checker.in("A", g.a);
  const Operand b = checker.in("B", g.b);
  const Operand c = checker.out("C", g.c);
  if (g.b.rows != g.a.cols)
    fail(checker.kernel, "B is {} but A is {}; B needs {} rows", shape(b), shape(a), g.a.cols);
  if (g.c.rows != g.a.rows || g.c.cols != g.b.cols)
    fail(checker.kernel, "C is {} but A is {} and B is {}; C needs to be {} x {}", shape(c),
         shape(a), shape(b), g.a.rows, g.b.cols);
  checker.disjoint(c, a);
  checker.disjoint(c, b);
  return c;
}

}  // namespace

template <class T>
void check(const Gemm<T>& call) {
  check_product(Checker{"gemm"}, call);
}

template <class T>
void check(const FusedGemm<T>& call) {
  const Checker checker{"fused_gemm"};
  const Operand c = check_product(checker, call.gemm);
  const Epilogue<T>& epilogue = call.epilogue;
  const Operand bias = checker.in("bias", epilogue.bias);
  if (!bias.view.empty()) checker.entries(bias, c.view.cols, c);
  checker.disjoint(c, bias);
  check_activation(checker.kernel, epilogue.activation);
  const Operand activation_output = checker.in("activation_output", epilogue.activation_output);
  if (activation_output.view.empty()) return;
  checker.same_shape(activation_output, c);
  checker.disjoint(c, activation_output);
  check_activation(checker.kernel, epilogue.backward_of);
}

template <class T>
void check(const BiasAdd<T>& call) {
  const Checker checker{"bias_add"};
  const Operand bias = checker.in("bias", call.bias);
  const Operand c = checker.out("C", call.c);
  checker.entries(bias, call.c.cols, c);
  checker.disjoint(c, bias);
}

template <class T>
void check(const Softmax<T>& call) {
  const Checker checker{"softmax"};
  const Operand logits = checker.in("logits", call.logits);
  const Operand probabilities = checker.out("probabilities", call.probabilities);
  checker.same_shape(probabilities, logits);
  checker.same_or_disjoint(probabilities, logits);
}

template <class T>
void check(const OuterProduct<T>& call) {
  const Checker checker{"outer_product"};
  const Operand x = checker.in("x", call.x);
  const Operand y = checker.in("y", call.y);
  const Operand a = checker.out("A", call.a);
  checker.entries(x, call.a.rows, a);
  checker.entries(y, call.a.cols, a);
  checker.disjoint(a, x);
  checker.disjoint(a, y);
}

template <class T>
void check(const Activate<T>& call) {
  const Checker checker{"activate"};
  check_activation(checker.kernel, call.activation);
  const Operand z = checker.in("z", call.z);
  const Operand a = checker.out("a", call.a);
  checker.same_shape(a, z);
  checker.same_or_disjoint(a, z);
}

template <class T>
void check(const ActivateBackward<T>& call) {
  const Checker checker{"activate_backward"};
  check_activation(checker.kernel, call.activation);
  const Operand a = checker.in("a", call.a);
  const Operand d = checker.out("d", call.d);
  checker.same_shape(d, a);
  checker.disjoint(d, a);
}

template <class T>
void check(const SoftmaxNll<T>& call) {
  const Checker checker{"softmax_nll"};
  const Operand logits = checker.in("logits", call.logits);
  const Operand labels = checker.in("labels", call.labels);
  const Operand weights = checker.in("weights", call.weights);
  const Operand gradient = checker.out("gradient", call.gradient);
  const Operand losses = checker.out("losses", call.losses);
  const Operand predictions = checker.out("predictions", call.predictions);
  const index_t samples = call.logits.rows;
  if (samples > 0 && call.logits.cols == 0)
    fail(checker.kernel, "logits is {}; at least one class is needed", shape(logits));
  checker.same_shape(gradient, logits);
  checker.entries(labels, samples, logits);
  checker.entries(losses, samples, logits);
  if (!weights.view.empty()) checker.entries(weights, samples, logits);
  if (!predictions.view.empty()) checker.entries(predictions, samples, logits);
  if (!(call.label_smoothing >= 0 && call.label_smoothing <= 1))
    fail(checker.kernel, "label_smoothing is {}; it must be in [0, 1]", call.label_smoothing);
  checker.finite("scale", call.scale);
  checker.same_or_disjoint(gradient, logits);
  const std::initializer_list<const Operand*> outputs = {&gradient, &losses, &predictions};
  for (const Operand* output : outputs) {
    checker.disjoint(*output, labels);
    checker.disjoint(*output, weights);
  }
  checker.disjoint(losses, logits);
  checker.disjoint(predictions, logits);
  checker.disjoint(losses, gradient);
  checker.disjoint(predictions, gradient);
  checker.disjoint(predictions, losses);
}

template <class T>
void check(const ColumnSums<T>& call) {
  const Checker checker{"column_sums"};
  const Operand a = checker.in("A", call.a);
  const Operand sums = checker.out("sums", call.sums);
  checker.entries(sums, call.a.cols, a);
  checker.disjoint(sums, a);
}

template <class T>
void check(const SgdUpdate<T>& call) {
  const Checker checker{"sgd_update"};
  checker.finite("learning_rate", call.learning_rate);
  checker.finite("momentum", call.momentum);
  checker.finite("weight_decay", call.weight_decay);
  const Operand gradient = checker.in("gradient", call.gradient);
  const Operand velocity = checker.out("velocity", call.velocity);
  const Operand weights = checker.out("weights", call.weights);
  checker.same_shape(gradient, weights);
  checker.disjoint(weights, gradient);
  if (velocity.view.empty()) return;
  checker.same_shape(velocity, weights);
  checker.disjoint(weights, velocity);
  checker.disjoint(velocity, gradient);
}

template <class T>
void check(const AdamUpdate<T>& call) {
  const Checker checker{"adam_update"};
  checker.finite("beta1", call.beta1);
  checker.finite("one_minus_beta1", call.one_minus_beta1);
  checker.finite("beta2", call.beta2);
  checker.finite("one_minus_beta2", call.one_minus_beta2);
  checker.finite("weight_decay", call.weight_decay);
  checker.finite("weight_scale", call.weight_scale);
  checker.finite("step_size", call.step_size);
  if (!(call.epsilon > 0 && std::isfinite(call.epsilon)))
    fail(checker.kernel, "epsilon is {}; it must be positive and finite", call.epsilon);
  const Operand gradient = checker.in("gradient", call.gradient);
  const Operand first = checker.out("first", call.first);
  const Operand second = checker.out("second", call.second);
  const Operand weights = checker.out("weights", call.weights);
  for (const Operand* operand : {&gradient, &first, &second}) checker.same_shape(*operand, weights);
  checker.disjoint(weights, gradient);
  checker.disjoint(weights, first);
  checker.disjoint(weights, second);
  checker.disjoint(first, gradient);
  checker.disjoint(first, second);
  checker.disjoint(second, gradient);
}

template <class T>
void check(const GatherBytes<T>& call) {
  const Checker checker{"gather_bytes"};
  const Operand out = checker.out("out", call.out);
  const Operand indices = checker.in("indices", call.indices);
  const Operand offset = checker.in("offset", call.offset);
  const Operand scale = checker.in("scale", call.scale);
  if (call.samples < 0 || call.features != call.out.cols)
    fail(checker.kernel, "there are {} samples of {} features for out, which is {}", call.samples,
         call.features, shape(out));
  checker.entries(indices, call.out.rows, out);
  checker.entries(offset, call.features, out);
  checker.entries(scale, call.features, out);
  checker.disjoint(out, indices);
  checker.disjoint(out, offset);
  checker.disjoint(out, scale);
  if (call.out.empty()) return;
  if (call.values == nullptr) fail(checker.kernel, "values is null");
  for (index_t s = 0; s < call.indices.size; ++s)
    if (call.indices[s] < 0 || call.indices[s] >= call.samples)
      fail(checker.kernel, "index {}, number {}, is not among the {} samples", call.indices[s], s,
           call.samples);
}

template <class T>
void check(const Plan<T>& plan) {
  for (const KernelCall<T>& call : plan.calls)
    std::visit([](const auto& operands) { check(operands); }, call);
}

void check_activation(std::string_view where, const Activation& activation) {
  if (activation.kind > ActivationKind::sigmoid)
    fail(where, "activation kind {} is unknown; the last one is {}",
         static_cast<int>(activation.kind), static_cast<int>(ActivationKind::sigmoid));
  if (activation.kind == ActivationKind::leaky_relu &&
      !(activation.slope > 0 && std::isfinite(activation.slope)))
    fail(where, "the slope of leaky_relu is {}; it must be positive and finite", activation.slope);
}

void check_options(const SgdOptions& options) {
  constexpr std::string_view where = "SgdOptions";
  if (!(options.learning_rate > 0 && std::isfinite(options.learning_rate)))
    fail(where, "learning_rate is {}; it must be positive and finite", options.learning_rate);
  if (!(options.momentum >= 0 && options.momentum < 1))
    fail(where, "momentum is {}; it must be in [0, 1)", options.momentum);
  if (!(options.weight_decay >= 0 && std::isfinite(options.weight_decay)))
    fail(where, "weight_decay is {}; it must be finite and not negative", options.weight_decay);
  if (options.nesterov && options.momentum == 0)
    fail(where, "nesterov is set but momentum is 0; it needs a momentum above 0");
}

void check_options(const AdamOptions& options) {
  constexpr std::string_view where = "AdamOptions";
  constexpr double least_epsilon = 1e-30;
  if (!(options.learning_rate > 0 && std::isfinite(options.learning_rate)))
    fail(where, "learning_rate is {}; it must be positive and finite", options.learning_rate);
  if (!(options.beta1 >= 0 && options.beta1 < 1))
    fail(where, "beta1 is {}; it must be in [0, 1)", options.beta1);
  if (!(options.beta2 >= 0 && options.beta2 < 1))
    fail(where, "beta2 is {}; it must be in [0, 1)", options.beta2);
  if (!(options.epsilon >= least_epsilon && std::isfinite(options.epsilon)))
    fail(where, "epsilon is {}; it must be finite and at least {}", options.epsilon, least_epsilon);
  if (!(options.weight_decay >= 0 && std::isfinite(options.weight_decay)))
    fail(where, "weight_decay is {}; it must be finite and not negative", options.weight_decay);
  if (options.decoupled_decay && !(options.learning_rate * options.weight_decay <= 1))
    fail(where,
         "weight_decay {} with learning_rate {} takes more than all of a weight in one step; their "
         "product must be at most 1",
         options.weight_decay, options.learning_rate);
}

void check_options(const Optimizer& optimizer) {
  std::visit([](const auto& options) { check_options(options); }, optimizer);
}

template <class T>
void check_input(std::string_view where, std::string_view name, ConstView<T> view) {
  Checker{where}.in(name, view);
}

template <class T>
void check_output(std::string_view where, std::string_view name, View<T> view) {
  Checker{where}.out(name, view);
}

#define LAMELLA_INSTANTIATE(T)                                                 \
  template void check(const Gemm<T>&);                                         \
  template void check(const FusedGemm<T>&);                                    \
  template void check(const BiasAdd<T>&);                                      \
  template void check(const Softmax<T>&);                                      \
  template void check(const OuterProduct<T>&);                                 \
  template void check(const Activate<T>&);                                     \
  template void check(const ActivateBackward<T>&);                             \
  template void check(const SoftmaxNll<T>&);                                   \
  template void check(const ColumnSums<T>&);                                   \
  template void check(const SgdUpdate<T>&);                                    \
  template void check(const AdamUpdate<T>&);                                   \
  template void check(const GatherBytes<T>&);                                  \
  template void check(const Plan<T>&);                                         \
  template void check_input(std::string_view, std::string_view, ConstView<T>); \
  template void check_output(std::string_view, std::string_view, View<T>);
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)
#undef LAMELLA_INSTANTIATE

}  // namespace lamella
