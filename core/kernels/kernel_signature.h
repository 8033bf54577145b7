// What a kernel call is, apart from its data: kernel, shape, options, and what it is worth.
//
// For those who report about calls (trace.cpp, profile.cpp), in the middle of kernels: nothing here
// allocates or throws.
#ifndef LAMELLA_CORE_KERNELS_KERNEL_SIGNATURE_H_
#define LAMELLA_CORE_KERNELS_KERNEL_SIGNATURE_H_

#include <cstddef>
#include <cstdint>

#include <lamella/kernels.h>

namespace lamella::detail {

enum class KernelId : std::uint8_t {
  gemm,
  fused_gemm,
  bias_add,
  softmax,
  outer_product,
  activate,
  activate_backward,
  softmax_nll,
  column_sums,
  sgd_update,
  adam_update,
  gather_bytes,
};

/// Calls of one kind do the same work with other numbers.
struct KernelSignature {
  KernelId kernel = KernelId::gemm;
  std::uint8_t element_size = sizeof(float);
  ActivationKind activation = ActivationKind::identity;
  ActivationKind backward_of = ActivationKind::identity;
  bool bias = false;          ///< adds one
  bool has_backward = false;  ///< multiplies by the derivative of `backward_of`
  bool accumulates = false;   ///< a product whose beta is not 0: it reads C too
  bool in_place = false;      ///< the result replaces the input
  bool velocity = false;      ///< of an sgd_update
  bool nesterov = false;
  index_t rows = 0, cols = 0;  ///< of the result; of what is summed
  index_t depth = 0;           ///< of a product
  index_t stored = 0;          ///< samples that gather_bytes chooses from

  friend bool operator==(const KernelSignature&, const KernelSignature&) = default;
};

/// What one call of a kind does.
struct CallWork {
  double flops = 0;      ///< of products; 0 for all else
  double bytes = 0;      ///< each operand once for every time it must be read or written
  double footprint = 0;  ///< bytes of distinct memory among which the operands lie
};
CallWork work_of(const KernelSignature& kind) noexcept;

const char* name_of(KernelId kernel) noexcept;

/// "128x512x784" (a product's as MxNxK) and "bias relu". Each writes at most `room` characters and
/// returns how many it has written.
std::size_t print_shape(char* out, std::size_t room, const KernelSignature& kind) noexcept;
std::size_t print_options(char* out, std::size_t room, const KernelSignature& kind) noexcept;

template <class T>
KernelSignature signature_of(KernelId kernel, index_t rows, index_t cols) noexcept {
  KernelSignature kind;
  kind.kernel = kernel;
  kind.element_size = sizeof(T);
  kind.rows = rows;
  kind.cols = cols;
  return kind;
}

template <class T>
KernelSignature signature_of(const Gemm<T>& call) noexcept {
  KernelSignature kind = signature_of<T>(KernelId::gemm, call.c.rows, call.c.cols);
  kind.depth = call.a.cols;
  kind.accumulates = call.beta != T{0};
  return kind;
}

template <class T>
KernelSignature signature_of(const FusedGemm<T>& call) noexcept {
  KernelSignature kind = signature_of(call.gemm);
  kind.kernel = KernelId::fused_gemm;
  kind.bias = !call.epilogue.bias.empty();
  kind.activation = call.epilogue.activation.kind;
  kind.has_backward = !call.epilogue.activation_output.empty();
  if (kind.has_backward) kind.backward_of = call.epilogue.backward_of.kind;
  return kind;
}

template <class T>
KernelSignature signature_of(const BiasAdd<T>& call) noexcept {
  return signature_of<T>(KernelId::bias_add, call.c.rows, call.c.cols);
}

template <class T>
KernelSignature signature_of(const Softmax<T>& call) noexcept {
  KernelSignature kind = signature_of<T>(KernelId::softmax, call.logits.rows, call.logits.cols);
  kind.in_place = call.probabilities.data == call.logits.data;
  return kind;
}

template <class T>
KernelSignature signature_of(const OuterProduct<T>& call) noexcept {
  return signature_of<T>(KernelId::outer_product, call.a.rows, call.a.cols);
}

template <class T>
KernelSignature signature_of(const Activate<T>& call) noexcept {
  KernelSignature kind = signature_of<T>(KernelId::activate, call.a.rows, call.a.cols);
  kind.activation = call.activation.kind;
  kind.in_place = call.a.data == call.z.data;
  return kind;
}

template <class T>
KernelSignature signature_of(const ActivateBackward<T>& call) noexcept {
  KernelSignature kind = signature_of<T>(KernelId::activate_backward, call.d.rows, call.d.cols);
  kind.activation = call.activation.kind;
  return kind;
}

template <class T>
KernelSignature signature_of(const SoftmaxNll<T>& call) noexcept {
  KernelSignature kind = signature_of<T>(KernelId::softmax_nll, call.logits.rows, call.logits.cols);
  kind.in_place = call.gradient.data == call.logits.data;
  return kind;
}

template <class T>
KernelSignature signature_of(const ColumnSums<T>& call) noexcept {
  return signature_of<T>(KernelId::column_sums, call.a.rows, call.a.cols);
}

template <class T>
KernelSignature signature_of(const SgdUpdate<T>& call) noexcept {
  KernelSignature kind =
      signature_of<T>(KernelId::sgd_update, call.weights.rows, call.weights.cols);
  kind.velocity = !call.velocity.empty();
  kind.nesterov = kind.velocity && call.nesterov;
  return kind;
}

template <class T>
KernelSignature signature_of(const AdamUpdate<T>& call) noexcept {
  return signature_of<T>(KernelId::adam_update, call.weights.rows, call.weights.cols);
}

template <class T>
KernelSignature signature_of(const GatherBytes<T>& call) noexcept {
  KernelSignature kind = signature_of<T>(KernelId::gather_bytes, call.out.rows, call.out.cols);
  kind.stored = call.samples;
  return kind;
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_KERNELS_KERNEL_SIGNATURE_H_
