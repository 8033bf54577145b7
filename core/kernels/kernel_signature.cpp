// Names, shapes and work of kernel calls.
#include "core/kernels/kernel_signature.h"

#include <algorithm>
#include <utility>

#include "core/base/format.h"

namespace lamella::detail {
namespace {

const char* name_of(ActivationKind kind) noexcept {
  switch (kind) {
    case ActivationKind::identity:
      return "identity";
    case ActivationKind::relu:
      return "relu";
    case ActivationKind::leaky_relu:
      return "leaky_relu";
    case ActivationKind::tanh:
      return "tanh";
    case ActivationKind::sigmoid:
      return "sigmoid";
  }
  return "unknown";
}

// Words with a space between them, cut off where there is no more room.
class Words {
 public:
  Words(char* out, std::size_t room) : out_(out), room_(room) {}

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) noexcept {
    if (size_ > 0 && size_ < room_) out_[size_++] = ' ';
    const std::size_t left = room_ - size_;
    size_ +=
        std::min(left, formatted_to_n(out_ + size_, left, format, std::forward<Args>(args)...));
  }
  std::size_t size() const { return size_; }

 private:
  char* out_;
  std::size_t room_;
  std::size_t size_ = 0;
};

}  // namespace

const char* name_of(KernelId kernel) noexcept {
  switch (kernel) {
    case KernelId::gemm:
      return "gemm";
    case KernelId::fused_gemm:
      return "fused_gemm";
    case KernelId::bias_add:
      return "bias_add";
    case KernelId::softmax:
      return "softmax";
    case KernelId::outer_product:
      return "outer_product";
    case KernelId::activate:
      return "activate";
    case KernelId::activate_backward:
      return "activate_backward";
    case KernelId::softmax_nll:
      return "softmax_nll";
    case KernelId::column_sums:
      return "column_sums";
    case KernelId::sgd_update:
      return "sgd_update";
    case KernelId::adam_update:
      return "adam_update";
    case KernelId::gather_bytes:
      return "gather_bytes";
  }
  return "unknown";
}

std::size_t print_shape(char* out, std::size_t room, const KernelSignature& kind) noexcept {
  Words words(out, room);
  if (kind.kernel == KernelId::gemm || kind.kernel == KernelId::fused_gemm)
    words.add("{}x{}x{}", kind.rows, kind.cols, kind.depth);
  else
    words.add("{}x{}", kind.rows, kind.cols);
  return words.size();
}

std::size_t print_options(char* out, std::size_t room, const KernelSignature& kind) noexcept {
  Words words(out, room);
  if (kind.accumulates) words.add("accumulate");
  if (kind.bias) words.add("bias");
  if (kind.activation != ActivationKind::identity) words.add("{}", name_of(kind.activation));
  if (kind.has_backward) words.add("backward:{}", name_of(kind.backward_of));
  if (kind.velocity) words.add("{}", kind.nesterov ? "nesterov" : "momentum");
  return words.size();
}

CallWork work_of(const KernelSignature& kind) noexcept {
  const auto size = static_cast<double>(kind.element_size);
  const auto rows = static_cast<double>(kind.rows);
  const auto cols = static_cast<double>(kind.cols);
  const auto depth = static_cast<double>(kind.depth);
  const double one = rows * cols * size;  // a matrix of the result's shape
  const double result = kind.in_place ? 0 : one;
  switch (kind.kernel) {
    case KernelId::gemm:
    case KernelId::fused_gemm: {
      double operands = one + (rows + cols) * depth * size;
      if (kind.bias) operands += cols * size;
      if (kind.has_backward) operands += one;
      return {2 * rows * cols * depth, operands + (kind.accumulates ? one : 0), operands};
    }
    case KernelId::outer_product:
      return {2 * rows * cols, 2 * one, one};
    case KernelId::bias_add:
      return {0, 2 * one, one};
    case KernelId::softmax:
    case KernelId::softmax_nll:
    case KernelId::activate:
      return {0, 2 * one, one + result};
    case KernelId::activate_backward:
      return {0, 3 * one, 2 * one};
    case KernelId::column_sums:
      return {0, one, one};
    case KernelId::sgd_update:  // gradient in; weights, and velocity, in and out
      return kind.velocity ? CallWork{0, 5 * one, 3 * one} : CallWork{0, 3 * one, 2 * one};
    case KernelId::adam_update:  // gradient in; both moments and weights in and out
      return {0, 7 * one, 4 * one};
    case KernelId::gather_bytes:  // a byte in, an element out
      return {0, rows * cols + one, static_cast<double>(kind.stored) * cols + one};
  }
  return {};
}

}  // namespace lamella::detail
