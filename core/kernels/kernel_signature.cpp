// Kernel signatures in words.
#include "core/kernels/kernel_signature.h"

#include <array>

namespace lamella::detail {
namespace {

constexpr std::array kKernelNames = {
#define LAMELLA_NAME(Operands, function, requirement, matrix) #function,
    LAMELLA_FOR_EACH_KERNEL(LAMELLA_NAME)
#undef LAMELLA_NAME
};

bool has(const KernelSignature& signature, KernelOption option) {
  return (signature.options >> static_cast<int>(option) & 1) != 0;
}

}  // namespace

const char* name_of(KernelId kernel) noexcept {
  return kKernelNames[static_cast<std::size_t>(kernel)];
}

void add_shape(Line& line, const KernelSignature& signature) noexcept {
  line.add_word("{}x{}", signature.rows, signature.cols);
  if (signature.depth >= 0) line.add("x{}", signature.depth);
}

void add_options(Line& line, const KernelSignature& signature) noexcept {
  if (has(signature, KernelOption::accumulate)) line.add_word("accumulate");
  if (has(signature, KernelOption::bias)) line.add_word("bias");
  if (signature.activation != ActivationKind::identity)
    line.add_word("{}", activation_name(signature.activation));
  if (signature.has_backward) line.add_word("backward:{}", activation_name(signature.backward_of));
  if (has(signature, KernelOption::momentum)) line.add_word("momentum");
  if (has(signature, KernelOption::nesterov)) line.add_word("nesterov");
}

}  // namespace lamella::detail
