// Kernels that make each call through other kernels and report how long it took: what trace.cpp and
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

#define LAMELLA_TIMED(Operands, function, requirement, matrix) \
  void function(const Operands<T>& call) const noexcept override { timed(call); }
  LAMELLA_FOR_EACH_KERNEL(LAMELLA_TIMED)
#undef LAMELLA_TIMED

  index_t packed_size(index_t k, index_t n) const noexcept override {
    return inner_.packed_size(k, n);
  }
  void pack_b(ConstView<T> b, T* packed) const noexcept override { inner_.pack_b(b, packed); }
  std::shared_ptr<const PlanAnalysis> prepare(const Plan<T>& plan) const override {
    return inner_.prepare(plan);
  }

 protected:
  using Clock = std::chrono::steady_clock;

  /// A call with that signature has ended. May be called by several threads at once.
  virtual void report(const KernelSignature& signature, double seconds) const noexcept = 0;

  const Kernels<T>& inner() const { return inner_; }

 private:
  template <class Call>
  void timed(const Call& call) const noexcept {
    const auto start = Clock::now();
    KernelTraits<Call>::run(inner_, call);
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    report(signature_of(call), elapsed.count());
  }

  const Kernels<T>& inner_;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_KERNELS_TIMED_KERNELS_H_
