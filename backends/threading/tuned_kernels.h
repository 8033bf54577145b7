// Blocked kernels with a choice between one thread and a team for each small product.
#ifndef LAMELLA_BACKENDS_THREADING_TUNED_KERNELS_H_
#define LAMELLA_BACKENDS_THREADING_TUNED_KERNELS_H_

#include <lamella/kernels.h>

#include "backends/adaptive_threading.h"
#include "backends/driver/blocked_kernels.h"
#include "backends/threading/product_tuners.h"

namespace lamella::backends {

template <class T>
class TunedKernels : public BlockedKernels<T> {
 public:
  /// All must outlive the kernels.
  TunedKernels(const KernelTable<T>& table, const Executor& executor,
               const ThreadingOptions& options, ProductTuners& tuners)
      : BlockedKernels<T>(table, executor), options_(options), tuners_(tuners) {}

  /// On one thread or on a team, whichever has been faster for this shape.
  void gemm(const Gemm<T>& call) const noexcept override;
  void fused_gemm(const FusedGemm<T>& call) const noexcept override;

 private:
  void tuned_gemm(const FusedGemm<T>& call) const noexcept;

  const ThreadingOptions& options_;
  ProductTuners& tuners_;
};

extern template class TunedKernels<float>;
extern template class TunedKernels<double>;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_TUNED_KERNELS_H_
