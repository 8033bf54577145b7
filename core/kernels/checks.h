// The argument checks that stand in front of every kernel, once for all backends.
//
// Shared by the checked calls of Backend and by the network, which checks a plan when it builds it.
// Each check throws ArgumentError, naming kernel, operand and shapes.
#ifndef LAMELLA_CORE_KERNELS_CHECKS_H_
#define LAMELLA_CORE_KERNELS_CHECKS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <lamella/kernels.h>
#include <lamella/loss.h>
#include <lamella/optimizer.h>

namespace lamella {

class Backend;

namespace detail {

/// check(call), for every kernel: the operands are as the struct's documentation in kernels.h
/// demands. O(1), except for gather_bytes and move_images, whose indices are all looked at because
/// each becomes an address. The labels of softmax_nll are left to check_labels.
#define LAMELLA_DECLARE_CHECK(Operands, function, requirement, matrix) \
  template <class T>                                                   \
  void check(const Operands<T>& call);
LAMELLA_FOR_EACH_KERNEL(LAMELLA_DECLARE_CHECK)
#undef LAMELLA_DECLARE_CHECK

/// If the call has a packed B, it is a copy of this product's B, packed for `backend`. `where`
/// opens the message. O(1).
template <class T>
void check_packed(std::string_view where, const Gemm<T>& call, const Backend& backend);

/// Every call of a plan.
template <class T>
void check(const Plan<T>& plan);

/// Every label is in [0, classes). `where` opens the message. O(labels).
void check_labels(std::string_view where, ConstVectorView<std::int32_t> labels, index_t classes);

/// Known kind; a positive, finite slope where there is one.
void check_activation(std::string_view where, const Activation& activation);

/// Every option within the range that optimizer.h states.
void check_options(const SgdOptions& options);
void check_options(const AdamOptions& options);
void check_options(const Optimizer& optimizer);

/// Smoothing in [0, 1). `where` opens the message.
void check_loss(std::string_view where, const Loss& loss);

/// Every option within the range that optimizer.h states. `where` opens the message.
void check_regularization(std::string_view where, const Regularization& regularization);

/// A matrix that is only read, or one that is written: pointer, shape and strides.
template <class T>
void check_input(std::string_view where, std::string_view name, ConstView<T> view);
template <class T>
void check_output(std::string_view where, std::string_view name, View<T> view);

}  // namespace detail
}  // namespace lamella

#endif  // LAMELLA_CORE_KERNELS_CHECKS_H_
