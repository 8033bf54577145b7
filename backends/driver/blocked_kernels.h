// Every kernel of a backend as blocking, packing and tasks over a kernel table.
//
// Not here: instruction sets (the kernel table), thread libraries (the executor), and the choice of
// how many threads a plan or a product gets (threading/). simd, openmp and tbb are these kernels
// with different executors. Tasks are pieces of the output and no sum is ever split between them,
// so results do not depend on the number of threads.
#ifndef LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_
#define LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_

#include <lamella/kernels.h>

#include "backends/driver/packed_batch.h"
#include "backends/executor.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

template <class T>
class BlockedKernels : public Kernels<T> {
 public:
  /// Both must outlive the kernels.
  BlockedKernels(const KernelTable<T>& table, const Executor& executor)
      : table_(table), executor_(executor) {}
  /// The kernels of one worker, for one run of a plan: `batch`, packed when products ask for it,
  /// stands for the output of the plan's first call. It must outlive the kernels, too.
  BlockedKernels(const KernelTable<T>& table, const Executor& executor, PackedBatch<T>& batch)
      : table_(table), executor_(executor), samples_(&batch) {}

  LAMELLA_FOR_EACH_KERNEL(LAMELLA_OVERRIDE_KERNEL)
  index packed_size(index k, index n) const noexcept override;
  void pack_b(ConstView<T> b, T* packed) const noexcept override;

  /// The plan's first call, if it gathers samples that only products will read and these can pack
  /// the samples instead; or null.
  const GatherBytes<T>* samples_to_pack(const Plan<T>& plan) const noexcept;

 protected:
  const KernelTable<T>& table() const { return table_; }
  const Executor& executor() const { return executor_; }

 private:
  void gemv(const Gemm<T>& call) const noexcept;
  void gemm_small_m(const Gemm<T>& call) const noexcept;
  void apply_epilogue(const Epilogue<T>& epilogue, View<T> c) const noexcept;

  const KernelTable<T>& table_;
  const Executor& executor_;
  PackedBatch<T>* samples_ = nullptr;
};

extern template class BlockedKernels<float>;
extern template class BlockedKernels<double>;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_
