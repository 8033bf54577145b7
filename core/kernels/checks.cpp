// The argument checks: what describe.h says of a kernel's operands, held against a call.
#include "core/kernels/checks.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <variant>

#include <lamella/error.h>

#include "core/base/footprint.h"
#include "core/base/format.h"
#include "core/kernels/describe.h"

namespace lamella::detail {
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

std::string shape_of(const UntypedView& v, bool is_vector) {
  return is_vector ? formatted("{} entries", v.rows) : formatted("{} x {}", v.rows, v.cols);
}
std::string shape_of(const Operand& o) { return shape_of(o.view, o.is_vector); }

// What holds for inputs and outputs alike.
Operand check_operand(std::string_view where, std::string_view name, const UntypedView& v,
                      bool is_vector) {
  if (v.rows < 0 || v.cols < 0)
    fail(where, "{} has a negative size ({})", name, shape_of(v, is_vector));
  if (v.empty()) return {name, v, {}, is_vector};
  if (v.data == nullptr) fail(where, "{} is null but not empty ({})", name, shape_of(v, is_vector));
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
         shape_of(v, is_vector), v.row_stride, v.col_stride);
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
       name, shape_of(v, is_vector), v.row_stride, v.col_stride);
}

/// Holds the operands of one kernel call against their description.
class OperandChecker {
 public:
  explicit OperandChecker(std::string_view kernel) : kernel_(kernel) {}

  template <class X>
  Operand in(std::string_view name, View<X> v) const {
    return check_operand(kernel_, name, untyped(v), false);
  }
  template <class X>
  Operand in(std::string_view name, VectorView<X> v) const {
    return check_operand(kernel_, name, untyped(v), true);
  }
  template <class X>
  Operand out(std::string_view name, View<X> v) const {
    return check_written(kernel_, name, untyped(v), false);
  }
  template <class X>
  Operand out(std::string_view name, VectorView<X> v) const {
    return check_written(kernel_, name, untyped(v), true);
  }
  template <class AnyView>
  Operand inout(std::string_view name, AnyView v) const {
    return out(name, v);
  }

  void product(const Operand& a, const Operand& b, const Operand& c) const {
    if (b.view.rows != a.view.cols)
      fail(kernel_, "B is {} but A is {}; B needs {} rows", shape_of(b), shape_of(a), a.view.cols);
    if (c.view.rows != a.view.rows || c.view.cols != b.view.cols)
      fail(kernel_, "C is {} but A is {} and B is {}; C needs to be {} x {}", shape_of(c),
           shape_of(a), shape_of(b), a.view.rows, b.view.cols);
  }
  void same_shape(const Operand& a, const Operand& reference) const {
    if (a.view.rows != reference.view.rows || a.view.cols != reference.view.cols)
      fail(kernel_, "{} is {} but {} is {}; the two must have one shape", a.name, shape_of(a),
           reference.name, shape_of(reference));
  }
  void entries(const Operand& vector, index_t wanted, const Operand& matrix) const {
    if (vector.view.rows != wanted)
      fail(kernel_, "{} has {} but {} is {}; {} needs {} entries", vector.name, shape_of(vector),
           matrix.name, shape_of(matrix), vector.name, wanted);
  }
  void disjoint(const Operand& written, const Operand& other) const {
    if (overlap(written.footprint, other.footprint))
      fail(kernel_, "{} overlaps {}; {} is written and must have memory of its own", written.name,
           other.name, written.name);
  }
  void same_or_disjoint(const Operand& written, const Operand& other) const {
    if (overlap(written.footprint, other.footprint) && !same_view(written.view, other.view))
      fail(kernel_, "{} overlaps {} without being the same view; in place or apart is allowed",
           written.name, other.name);
  }
  template <class X>
  void finite(std::string_view name, X value) const {
    if (!std::isfinite(value)) fail(kernel_, "{} is {}; it must be finite", name, value);
  }
  template <class Message>
  void require(bool holds, const Message& message) const {
    if (!holds) fail(kernel_, "{}", message());
  }
  void activation(const Activation& f) const { check_activation(kernel_, f); }
  void backward_of(const Activation& g) const { check_activation(kernel_, g); }

  // For signatures only.
  void option(KernelOption) const {}
  void flops(double) const {}
  void traffic(double, double) const {}

 private:
  std::string_view kernel_;
};

/// Checks of values that operands hold; for most kernels there are none.
template <class Call>
void check_values(const Call&) {}

template <class Call>
void check_indices(const Call& call) {
  for (index_t s = 0; s < call.indices.size; ++s)
    if (call.indices[s] < 0 || call.indices[s] >= call.samples)
      fail(KernelTraits<Call>::name, "index {}, number {}, is not among the {} samples",
           call.indices[s], s, call.samples);
}

template <class T>
void check_values(const GatherBytes<T>& call) {
  check_indices(call);
}

template <class T>
void check_values(const MoveImages<T>& call) {
  check_indices(call);
}

template <class Call>
void check_call(const Call& call) {
  OperandChecker checker(KernelTraits<Call>::name);
  describe(call, checker);
  check_values(call);
}

}  // namespace

#define LAMELLA_DEFINE_CHECK(Operands, function, requirement, matrix) \
  template <class T>                                                  \
  void check(const Operands<T>& call) {                               \
    check_call(call);                                                 \
  }                                                                   \
  template void check(const Operands<float>&);                        \
  template void check(const Operands<double>&);
LAMELLA_FOR_EACH_KERNEL(LAMELLA_DEFINE_CHECK)
#undef LAMELLA_DEFINE_CHECK

template <class T>
void check(const Plan<T>& plan) {
  for (const KernelCall<T>& call : plan.calls)
    visit_call<T>(call, [](const auto& operands) { check(operands); });
}

void check_activation(std::string_view where, const Activation& activation) {
  constexpr int kLast = static_cast<int>(std::size(kActivations)) - 1;
  if (static_cast<int>(activation.kind) > kLast)
    fail(where, "activation kind {} is unknown; the last one is {}",
         static_cast<int>(activation.kind), kLast);
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

void check_loss(std::string_view where, const Loss& loss) {
  if (!(loss.label_smoothing >= 0 && loss.label_smoothing < 1))
    fail(where, "label_smoothing is {}; it must be in [0, 1)", loss.label_smoothing);
}

void check_regularization(std::string_view where, const Regularization& regularization) {
  if (!(regularization.l1 >= 0 && std::isfinite(regularization.l1)))
    fail(where, "l1 is {}; it must be finite and not negative", regularization.l1);
  if (!(regularization.max_norm >= 0 && std::isfinite(regularization.max_norm)))
    fail(where, "max_norm is {}; it must be finite and not negative, and 0 stands for none",
         regularization.max_norm);
}

template <class T>
void check_input(std::string_view where, std::string_view name, ConstView<T> view) {
  OperandChecker(where).in(name, view);
}

template <class T>
void check_output(std::string_view where, std::string_view name, View<T> view) {
  OperandChecker(where).out(name, view);
}

#define LAMELLA_INSTANTIATE(T)                                                 \
  template void check(const Plan<T>&);                                         \
  template void check_input(std::string_view, std::string_view, ConstView<T>); \
  template void check_output(std::string_view, std::string_view, View<T>);
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)
#undef LAMELLA_INSTANTIATE

}  // namespace lamella::detail
