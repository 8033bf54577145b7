// The operands of each kernel, described once: their names, which of them are read and which are
// written, how their shapes depend on each other, and which may overlap.
//
// describe(call, visitor) goes through the operands of a call and tells the visitor about them.
// There are two visitors. OperandChecker (checks.cpp) throws where an operand breaks
// a rule. SignatureBuilder (kernel_signature.h) finds the shape, the options and the memory
// traffic. So a new kernel states all of this here, and nowhere else.
//
// What a visitor is told. `in`, `out` and `inout` return a token that stands for the operand.
//   in(name, view)               an operand that is read
//   out(name, view)              an operand that is written, and not read
//   inout(name, view)            an operand that is read and written
//   product(a, b, c)             C = A B: the shapes agree, and these are its flops
//   same_shape(x, y)             x must have the shape of y
//   entries(vector, n, matrix)   the vector must have n entries, because of the matrix
//   disjoint(x, y)               x is written and must not overlap y
//   same_or_disjoint(x, y)       x is written; it may be the same view as y, or not overlap it
//   finite(name, value)          the scalar must be finite
//   require(holds, message)      anything else that must hold; message() returns the complaint
//   activation(f)                f is applied; its kind and slope must be valid
//   backward_of(g)               the result is multiplied by the derivative of g
//   option(o)                    the call is made with this option
//   flops(n)                     the arithmetic of the call, where it counts
//   traffic(bytes, distinct)     memory in addition to that of the matrices
// Vectors that accompany a matrix count nothing: next to the matrix they do not matter.
#ifndef LAMELLA_CORE_KERNELS_DESCRIBE_H_
#define LAMELLA_CORE_KERNELS_DESCRIBE_H_

#include <cmath>
#include <cstdint>

#include <lamella/kernels.h>

#include "core/base/format.h"

namespace lamella::detail {

/// What two calls of one kernel and shape may differ in, apart from their data.
enum class KernelOption : std::uint8_t {
  accumulate,  ///< a product that reads C, because beta is not 0
  bias,
  momentum,
  nesterov,
};

/// The product under the name of the kernel it is part of. Returns the token of C.
template <class T, class Visitor>
auto describe_product(const Gemm<T>& call, Visitor& visitor) {
  const auto a = visitor.in("A", call.a);
  const auto b = visitor.in("B", call.b);
  const bool accumulates = call.beta != T{0};
  const auto c = accumulates ? visitor.inout("C", call.c) : visitor.out("C", call.c);
  if (accumulates) visitor.option(KernelOption::accumulate);
  visitor.product(a, b, c);
  visitor.disjoint(c, a);
  visitor.disjoint(c, b);
  return c;
}

template <class T, class Visitor>
void describe(const Gemm<T>& call, Visitor& visitor) {
  describe_product(call, visitor);
}

template <class T, class Visitor>
void describe(const FusedGemm<T>& call, Visitor& visitor) {
  const auto c = describe_product(call.gemm, visitor);
  const Epilogue<T>& epilogue = call.epilogue;
  const auto bias = visitor.in("bias", epilogue.bias);
  if (!epilogue.bias.empty()) {
    visitor.entries(bias, call.gemm.c.cols, c);
    visitor.option(KernelOption::bias);
    const double bytes = static_cast<double>(epilogue.bias.size) * sizeof(T);
    visitor.traffic(bytes, bytes);
  }
  visitor.disjoint(c, bias);
  visitor.activation(epilogue.activation);
  const auto activation_output = visitor.in("activation_output", epilogue.activation_output);
  if (epilogue.activation_output.empty()) return;
  visitor.same_shape(activation_output, c);
  visitor.disjoint(c, activation_output);
  visitor.backward_of(epilogue.backward_of);
}

template <class T, class Visitor>
void describe(const BiasAdd<T>& call, Visitor& visitor) {
  const auto bias = visitor.in("bias", call.bias);
  const auto c = visitor.inout("C", call.c);
  visitor.entries(bias, call.c.cols, c);
  visitor.disjoint(c, bias);
}

template <class T, class Visitor>
void describe(const Softmax<T>& call, Visitor& visitor) {
  const auto logits = visitor.in("logits", call.logits);
  const auto probabilities = visitor.out("probabilities", call.probabilities);
  visitor.same_shape(probabilities, logits);
  visitor.same_or_disjoint(probabilities, logits);
}

template <class T, class Visitor>
void describe(const OuterProduct<T>& call, Visitor& visitor) {
  const auto x = visitor.in("x", call.x);
  const auto y = visitor.in("y", call.y);
  const auto a = visitor.inout("A", call.a);
  visitor.entries(x, call.a.rows, a);
  visitor.entries(y, call.a.cols, a);
  visitor.disjoint(a, x);
  visitor.disjoint(a, y);
  visitor.flops(2.0 * static_cast<double>(call.a.rows) * static_cast<double>(call.a.cols));
}

template <class T, class Visitor>
void describe(const Activate<T>& call, Visitor& visitor) {
  visitor.activation(call.activation);
  const auto z = visitor.in("z", call.z);
  const auto a = visitor.out("a", call.a);
  visitor.same_shape(a, z);
  visitor.same_or_disjoint(a, z);
}

template <class T, class Visitor>
void describe(const ActivateBackward<T>& call, Visitor& visitor) {
  visitor.activation(call.activation);
  const auto a = visitor.in("a", call.a);
  const auto d = visitor.inout("d", call.d);
  visitor.same_shape(d, a);
  visitor.disjoint(d, a);
}

template <class T, class Visitor>
void describe(const SoftmaxNll<T>& call, Visitor& visitor) {
  const auto logits = visitor.in("logits", call.logits);
  const auto labels = visitor.in("labels", call.labels);
  const auto weights = visitor.in("weights", call.weights);
  const auto gradient = visitor.out("gradient", call.gradient);
  const auto losses = visitor.out("losses", call.losses);
  const auto predictions = visitor.out("predictions", call.predictions);
  const index_t samples = call.logits.rows;
  visitor.require(samples <= 0 || call.logits.cols != 0, [&] {
    return formatted("logits is {} x {}; at least one class is needed", samples, call.logits.cols);
  });
  visitor.same_shape(gradient, logits);
  visitor.entries(labels, samples, logits);
  visitor.entries(losses, samples, logits);
  if (!call.weights.empty()) visitor.entries(weights, samples, logits);
  if (!call.predictions.empty()) visitor.entries(predictions, samples, logits);
  visitor.require(call.label_smoothing >= 0 && call.label_smoothing <= 1, [&] {
    return formatted("label_smoothing is {}; it must be in [0, 1]", call.label_smoothing);
  });
  visitor.finite("scale", call.scale);
  visitor.same_or_disjoint(gradient, logits);
  const auto apart_from_inputs = [&](const auto& output) {
    visitor.disjoint(output, labels);
    visitor.disjoint(output, weights);
  };
  apart_from_inputs(gradient);
  apart_from_inputs(losses);
  apart_from_inputs(predictions);
  visitor.disjoint(losses, logits);
  visitor.disjoint(predictions, logits);
  visitor.disjoint(losses, gradient);
  visitor.disjoint(predictions, gradient);
  visitor.disjoint(predictions, losses);
}

template <class T, class Visitor>
void describe(const ColumnSums<T>& call, Visitor& visitor) {
  const auto a = visitor.in("A", call.a);
  const auto sums = visitor.inout("sums", call.sums);
  visitor.entries(sums, call.a.cols, a);
  visitor.disjoint(sums, a);
}

template <class T, class Visitor>
void describe(const ScaleShift<T>& call, Visitor& visitor) {
  const auto x = visitor.in("x", call.x);
  const auto scale = visitor.in("scale", call.scale);
  const auto shift = visitor.in("shift", call.shift);
  const auto y = visitor.out("y", call.y);
  visitor.same_shape(y, x);
  visitor.entries(scale, call.y.cols, y);
  visitor.entries(shift, call.y.cols, y);
  visitor.same_or_disjoint(y, x);
  visitor.disjoint(y, scale);
  visitor.disjoint(y, shift);
}

template <class T, class Visitor>
void describe(const ScaleShiftBackward<T>& call, Visitor& visitor) {
  const auto x = visitor.in("x", call.x);
  const auto scale = visitor.in("scale", call.scale);
  const bool scales = !call.scale.empty();
  const auto d = scales ? visitor.inout("d", call.d) : visitor.in("d", call.d);
  const auto scale_gradient = visitor.inout("scale_gradient", call.scale_gradient);
  const auto shift_gradient = visitor.inout("shift_gradient", call.shift_gradient);
  visitor.same_shape(d, x);
  if (scales) visitor.entries(scale, call.d.cols, d);
  visitor.entries(scale_gradient, call.d.cols, d);
  visitor.entries(shift_gradient, call.d.cols, d);
  if (scales) {
    visitor.disjoint(d, x);
    visitor.disjoint(d, scale);
  }
  visitor.same_or_disjoint(scale_gradient, scale);
  visitor.disjoint(scale_gradient, x);
  visitor.disjoint(scale_gradient, d);
  visitor.disjoint(shift_gradient, x);
  visitor.disjoint(shift_gradient, d);
  visitor.disjoint(shift_gradient, scale);
  visitor.disjoint(shift_gradient, scale_gradient);
}

template <class T, class Visitor>
void describe(const BatchNorm<T>& call, Visitor& visitor) {
  visitor.require(call.epsilon > 0 && std::isfinite(call.epsilon), [&] {
    return formatted("epsilon is {}; it must be positive and finite", call.epsilon);
  });
  visitor.require(call.momentum >= 0 && call.momentum <= 1,
                  [&] { return formatted("momentum is {}; it must be in [0, 1]", call.momentum); });
  visitor.activation(call.activation);
  const auto x = visitor.in("x", call.x);
  const auto scale = visitor.in("scale", call.scale);
  const auto shift = visitor.in("shift", call.shift);
  const auto y = visitor.out("y", call.y);
  visitor.require(call.x.rows > 1 || call.x.cols < 1, [&] {
    return formatted("x is {} x {}; statistics need at least two samples", call.x.rows,
                     call.x.cols);
  });
  visitor.same_shape(y, x);
  visitor.disjoint(y, x);
  visitor.entries(scale, call.x.cols, x);
  visitor.entries(shift, call.x.cols, x);
  visitor.disjoint(y, scale);
  visitor.disjoint(y, shift);
  const auto mean = visitor.out("mean", call.mean);
  const auto inverse_deviation = visitor.out("inverse_deviation", call.inverse_deviation);
  const auto running_mean = visitor.inout("running_mean", call.running_mean);
  const auto running_variance = visitor.inout("running_variance", call.running_variance);
  const auto check_result = [&](const auto& result) {
    visitor.entries(result, call.x.cols, x);
    visitor.disjoint(result, x);
    visitor.disjoint(result, scale);
    visitor.disjoint(result, shift);
    visitor.disjoint(result, y);
  };
  check_result(mean);
  check_result(inverse_deviation);
  visitor.disjoint(mean, inverse_deviation);
  if (!call.running_mean.empty()) {
    check_result(running_mean);
    visitor.disjoint(running_mean, mean);
    visitor.disjoint(running_mean, inverse_deviation);
  }
  if (!call.running_variance.empty()) {
    check_result(running_variance);
    visitor.disjoint(running_variance, mean);
    visitor.disjoint(running_variance, inverse_deviation);
    visitor.disjoint(running_variance, running_mean);
  }
}

template <class T, class Visitor>
void describe(const BatchNormBackward<T>& call, Visitor& visitor) {
  visitor.backward_of(call.activation);
  const auto x = visitor.in("x", call.x);
  const auto scale = visitor.in("scale", call.scale);
  const auto shift = visitor.in("shift", call.shift);
  const auto mean = visitor.in("mean", call.mean);
  const auto inverse_deviation = visitor.in("inverse_deviation", call.inverse_deviation);
  const auto d = visitor.inout("d", call.d);
  const auto scale_gradient = visitor.inout("scale_gradient", call.scale_gradient);
  const auto shift_gradient = visitor.inout("shift_gradient", call.shift_gradient);
  visitor.same_shape(d, x);
  visitor.disjoint(d, x);
  for (const auto& vector : {scale, shift, mean, inverse_deviation}) {
    visitor.entries(vector, call.d.cols, d);
    visitor.disjoint(d, vector);
  }
  for (const auto& gradient : {scale_gradient, shift_gradient}) {
    visitor.entries(gradient, call.d.cols, d);
    visitor.disjoint(gradient, x);
    visitor.disjoint(gradient, d);
    visitor.disjoint(gradient, mean);
    visitor.disjoint(gradient, inverse_deviation);
  }
  visitor.same_or_disjoint(scale_gradient, scale);
  visitor.disjoint(scale_gradient, shift);
  visitor.same_or_disjoint(shift_gradient, shift);
  visitor.disjoint(shift_gradient, scale);
  visitor.disjoint(shift_gradient, scale_gradient);
}

template <class T, class Visitor>
void describe(const SgdUpdate<T>& call, Visitor& visitor) {
  visitor.finite("learning_rate", call.learning_rate);
  visitor.finite("momentum", call.momentum);
  visitor.finite("weight_decay", call.weight_decay);
  const auto gradient = visitor.in("gradient", call.gradient);
  const auto velocity = visitor.inout("velocity", call.velocity);
  const auto weights = visitor.inout("weights", call.weights);
  visitor.same_shape(gradient, weights);
  visitor.disjoint(weights, gradient);
  if (call.velocity.empty()) return;
  visitor.option(call.nesterov ? KernelOption::nesterov : KernelOption::momentum);
  visitor.same_shape(velocity, weights);
  visitor.disjoint(weights, velocity);
  visitor.disjoint(velocity, gradient);
}

template <class T, class Visitor>
void describe(const AdamUpdate<T>& call, Visitor& visitor) {
  visitor.finite("beta1", call.beta1);
  visitor.finite("one_minus_beta1", call.one_minus_beta1);
  visitor.finite("beta2", call.beta2);
  visitor.finite("one_minus_beta2", call.one_minus_beta2);
  visitor.finite("weight_decay", call.weight_decay);
  visitor.finite("weight_scale", call.weight_scale);
  visitor.finite("step_size", call.step_size);
  visitor.require(call.epsilon > 0 && std::isfinite(call.epsilon), [&] {
    return formatted("epsilon is {}; it must be positive and finite", call.epsilon);
  });
  const auto gradient = visitor.in("gradient", call.gradient);
  const auto first = visitor.inout("first", call.first);
  const auto second = visitor.inout("second", call.second);
  const auto weights = visitor.inout("weights", call.weights);
  visitor.same_shape(gradient, weights);
  visitor.same_shape(first, weights);
  visitor.same_shape(second, weights);
  visitor.disjoint(weights, gradient);
  visitor.disjoint(weights, first);
  visitor.disjoint(weights, second);
  visitor.disjoint(first, gradient);
  visitor.disjoint(first, second);
  visitor.disjoint(second, gradient);
}

template <class T, class Visitor>
void describe(const GatherBytes<T>& call, Visitor& visitor) {
  const auto out = visitor.out("out", call.out);
  const auto indices = visitor.in("indices", call.indices);
  const auto offset = visitor.in("offset", call.offset);
  const auto scale = visitor.in("scale", call.scale);
  visitor.require(call.samples >= 0 && call.features == call.out.cols, [&] {
    return formatted("there are {} samples of {} features for out, which is {} x {}", call.samples,
                     call.features, call.out.rows, call.out.cols);
  });
  visitor.entries(indices, call.out.rows, out);
  visitor.entries(offset, call.features, out);
  visitor.entries(scale, call.features, out);
  visitor.disjoint(out, indices);
  visitor.disjoint(out, offset);
  visitor.disjoint(out, scale);
  visitor.require(call.out.empty() || call.values != nullptr, [] { return "values is null"; });
  const double features = static_cast<double>(call.out.cols);  // a byte each
  visitor.traffic(static_cast<double>(call.out.rows) * features,
                  static_cast<double>(call.samples) * features);
}

template <class T, class Visitor>
void describe(const DropUnits<T>& call, Visitor& visitor) {
  visitor.require(call.probability >= 0 && call.probability < 1, [&] {
    return formatted("probability is {}; it must be in [0, 1)", call.probability);
  });
  const auto samples = visitor.in("samples", call.samples);
  const auto x = visitor.in("x", call.x);
  const auto y = visitor.out("y", call.y);
  visitor.entries(samples, call.y.rows, y);
  if (!call.x.empty()) visitor.same_shape(y, x);
  visitor.same_or_disjoint(y, x);
  visitor.disjoint(y, samples);
}

template <class T, class Visitor>
void describe(const MoveImages<T>& call, Visitor& visitor) {
  visitor.in("indices", call.indices);
  const ImageChanges& c = call.changes;
  visitor.require(c.height >= 1 && c.width >= 1 && c.channels >= 1, [&] {
    return formatted("images are {} x {} x {}; each side must be at least 1", c.height, c.width,
                     c.channels);
  });
  visitor.require(c.shift >= 0 && c.cut_out >= 0 && std::isfinite(c.rotation) && c.scale >= 0 &&
                      c.scale <= 0.9 && c.shear >= 0 && c.shear <= 80,
                  [] { return "a change is out of range"; });
  visitor.require(call.samples >= 0, [&] {
    return formatted("there are {} samples; there cannot be fewer than 0", call.samples);
  });
  visitor.require(call.indices.empty() || (call.values != nullptr && call.moved != nullptr),
                  [] { return "values or moved is null"; });
  const double size = call.type == StoredType::u8 ? 1 : call.type == StoredType::f32 ? 4 : 8;
  const double bytes = size * static_cast<double>(call.features());
  visitor.traffic(2 * bytes * static_cast<double>(call.indices.size),
                  bytes * static_cast<double>(call.samples));
}

template <class T, class Visitor>
void describe(const ConstrainWeights<T>& call, Visitor& visitor) {
  visitor.require(call.threshold >= 0 && std::isfinite(call.threshold), [&] {
    return formatted("threshold is {}; it must be finite and not negative", call.threshold);
  });
  visitor.require(call.max_norm > 0,
                  [&] { return formatted("max_norm is {}; it must be above 0", call.max_norm); });
  visitor.inout("weights", call.weights);
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_KERNELS_DESCRIBE_H_
