// Kernels that make each call through others and say how long it took: what trace.cpp and
// profile.cpp have in common.
#ifndef LAMELLA_CORE_KERNELS_TIMED_KERNELS_H_
#define LAMELLA_CORE_KERNELS_TIMED_KERNELS_H_

#include <chrono>
#include <memory>

#include <lamella/kernels.h>

#include "core/kernels/kernel_signature.h"

namespace lamella::detail {

/// Results are those of `inner` bit for bit. A plan runs call by call unless run() is overridden.
template <class T>
class TimedKernels : public Kernels<T> {
 public:
  /// `inner` must outlive it.
  explicit TimedKernels(const Kernels<T>& inner) : inner_(inner) {}

  void gemm(const Gemm<T>& call) const noexcept override { timed(call, &Kernels<T>::gemm); }
  void bias_add(const BiasAdd<T>& call) const noexcept override {
    timed(call, &Kernels<T>::bias_add);
  }
  void softmax(const Softmax<T>& call) const noexcept override {
    timed(call, &Kernels<T>::softmax);
  }
  void outer_product(const OuterProduct<T>& call) const noexcept override {
    timed(call, &Kernels<T>::outer_product);
  }
  void fused_gemm(const FusedGemm<T>& call) const noexcept override {
    timed(call, &Kernels<T>::fused_gemm);
  }
  void activate(const Activate<T>& call) const noexcept override {
    timed(call, &Kernels<T>::activate);
  }
  void activate_backward(const ActivateBackward<T>& call) const noexcept override {
    timed(call, &Kernels<T>::activate_backward);
  }
  void softmax_nll(const SoftmaxNll<T>& call) const noexcept override {
    timed(call, &Kernels<T>::softmax_nll);
  }
  void column_sums(const ColumnSums<T>& call) const noexcept override {
    timed(call, &Kernels<T>::column_sums);
  }
  void sgd_update(const SgdUpdate<T>& call) const noexcept override {
    timed(call, &Kernels<T>::sgd_update);
  }
  void adam_update(const AdamUpdate<T>& call) const noexcept override {
    timed(call, &Kernels<T>::adam_update);
  }
  void gather_bytes(const GatherBytes<T>& call) const noexcept override {
    timed(call, &Kernels<T>::gather_bytes);
  }
  index_t packed_size(index_t k, index_t n) const noexcept override {
    return inner_.packed_size(k, n);
  }
  void pack_b(ConstView<T> b, T* packed) const noexcept override { inner_.pack_b(b, packed); }
  std::shared_ptr<const PlanAnalysis> prepare(const Plan<T>& plan) const override {
    return inner_.prepare(plan);
  }

 protected:
  using Clock = std::chrono::steady_clock;

  /// A call of that kind has ended. May be called by several threads at once.
  virtual void report(const KernelSignature& kind, double seconds) const noexcept = 0;

  const Kernels<T>& inner() const { return inner_; }

 private:
  template <class Call>
  void timed(const Call& call,
             void (Kernels<T>::*kernel)(const Call&) const noexcept) const noexcept {
    const auto start = Clock::now();
    (inner_.*kernel)(call);
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    report(signature_of(call), elapsed.count());
  }

  const Kernels<T>& inner_;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_KERNELS_TIMED_KERNELS_H_
