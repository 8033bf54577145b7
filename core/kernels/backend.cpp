// The checked entry points of Backend: check the operands, call the kernel, ask whether it failed.
#include <lamella/backend.h>

#include "core/kernels/checks.h"

namespace lamella {

template <class T>
void Backend::run(const Gemm<T>& call) const {
  check(call);
  check_packed("gemm", call, *this);
  kernels<T>().gemm(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const FusedGemm<T>& call) const {
  check(call);
  check_packed("fused_gemm", call.gemm, *this);
  kernels<T>().fused_gemm(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const BiasAdd<T>& call) const {
  check(call);
  kernels<T>().bias_add(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const Softmax<T>& call) const {
  check(call);
  kernels<T>().softmax(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const OuterProduct<T>& call) const {
  check(call);
  kernels<T>().outer_product(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const Activate<T>& call) const {
  check(call);
  kernels<T>().activate(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const ActivateBackward<T>& call) const {
  check(call);
  kernels<T>().activate_backward(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const SoftmaxNll<T>& call) const {
  check(call);
  check_labels("softmax_nll", call.labels, call.logits.cols);
  kernels<T>().softmax_nll(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const ColumnSums<T>& call) const {
  check(call);
  kernels<T>().column_sums(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const SgdUpdate<T>& call) const {
  check(call);
  kernels<T>().sgd_update(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const AdamUpdate<T>& call) const {
  check(call);
  kernels<T>().adam_update(call);
  throw_if_failed();
}

template <class T>
void Backend::run(const GatherBytes<T>& call) const {
  check(call);
  kernels<T>().gather_bytes(call);
  throw_if_failed();
}

#define LAMELLA_INSTANTIATE(T)                                  \
  template void Backend::run(const Gemm<T>&) const;             \
  template void Backend::run(const FusedGemm<T>&) const;        \
  template void Backend::run(const BiasAdd<T>&) const;          \
  template void Backend::run(const Softmax<T>&) const;          \
  template void Backend::run(const OuterProduct<T>&) const;     \
  template void Backend::run(const Activate<T>&) const;         \
  template void Backend::run(const ActivateBackward<T>&) const; \
  template void Backend::run(const SoftmaxNll<T>&) const;       \
  template void Backend::run(const ColumnSums<T>&) const;       \
  template void Backend::run(const SgdUpdate<T>&) const;        \
  template void Backend::run(const AdamUpdate<T>&) const;       \
  template void Backend::run(const GatherBytes<T>&) const;
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)
#undef LAMELLA_INSTANTIATE

}  // namespace lamella
