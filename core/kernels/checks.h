// The argument checks that stand in front of every kernel, once for all backends.
//
// Shared by the checked calls of Backend and by the network, which checks a plan when it builds it.
// Each check throws ArgumentError naming kernel, operand and shapes, and reads no element.
#ifndef LAMELLA_CORE_KERNELS_CHECKS_H_
#define LAMELLA_CORE_KERNELS_CHECKS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <lamella/kernels.h>
#include <lamella/optimizer.h>

namespace lamella {

class Backend;

/// The operands are as the struct's documentation in kernels.h demands. O(1).
template <class T>
void check(const Gemm<T>& call);
template <class T>
void check(const FusedGemm<T>& call);
template <class T>
void check(const BiasAdd<T>& call);
template <class T>
void check(const Softmax<T>& call);
template <class T>
void check(const OuterProduct<T>& call);
template <class T>
void check(const Activate<T>& call);
template <class T>
void check(const ActivateBackward<T>& call);
/// All but the labels' values, which check_labels looks at.
template <class T>
void check(const SoftmaxNll<T>& call);
template <class T>
void check(const ColumnSums<T>& call);
template <class T>
void check(const SgdUpdate<T>& call);
template <class T>
void check(const AdamUpdate<T>& call);
/// The values of the indices too: each is an address.
template <class T>
void check(const GatherBytes<T>& call);

/// A B packed in advance is the product's B, packed for `backend`. `where` opens the message. O(1).
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

/// A matrix that is only read, or one that is written: pointer, shape and strides.
template <class T>
void check_input(std::string_view where, std::string_view name, ConstView<T> view);
template <class T>
void check_output(std::string_view where, std::string_view name, View<T> view);

}  // namespace lamella

#endif  // LAMELLA_CORE_KERNELS_CHECKS_H_
