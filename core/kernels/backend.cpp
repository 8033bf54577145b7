// The checked calls of Backend: check the operands, call the kernel, ask whether it failed.
#include <lamella/backend.h>

#include "core/kernels/checks.h"

namespace lamella {
namespace {

/// What check() leaves out: a plan is checked before its labels are known, and for no backend in
/// particular. For most kernels that is nothing.
template <class Call>
void check_beyond_plan(const Call&, const Backend&) {}

template <class T>
void check_beyond_plan(const Gemm<T>& call, const Backend& backend) {
  detail::check_packed("gemm", call, backend);
}
template <class T>
void check_beyond_plan(const FusedGemm<T>& call, const Backend& backend) {
  detail::check_packed("fused_gemm", call.gemm, backend);
}
template <class T>
void check_beyond_plan(const SoftmaxNll<T>& call, const Backend&) {
  detail::check_labels("softmax_nll", call.labels, call.logits.cols);
}

template <class Call>
void check_and_run(const Backend& backend, const Call& call) {
  detail::check(call);
  check_beyond_plan(call, backend);
  KernelTraits<Call>::run(backend.kernels<typename KernelTraits<Call>::Element>(), call);
  backend.throw_if_failed();
}

}  // namespace

#define LAMELLA_DEFINE_RUN(Operands, function, requirement, matrix) \
  template <class T>                                                \
  void Backend::run_checked(const Operands<T>& call) const {        \
    check_and_run(*this, call);                                     \
  }                                                                 \
  template void Backend::run_checked(const Operands<float>&) const; \
  template void Backend::run_checked(const Operands<double>&) const;
LAMELLA_FOR_EACH_KERNEL(LAMELLA_DEFINE_RUN)
#undef LAMELLA_DEFINE_RUN

}  // namespace lamella
