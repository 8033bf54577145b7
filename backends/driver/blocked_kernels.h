// Every kernel of a backend as blocking, packing and tasks over a kernel table.
//
// Not here: instruction sets (the kernel table), thread libraries (the executor), and the choice of
// how many threads a plan or a product gets (threading/). simd, openmp and tbb are these kernels
// with different executors. Tasks are pieces of the output and no sum is ever split between them,
// so results do not depend on the number of threads.
#ifndef LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_
#define LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_

#include <cstdint>
#include <vector>

#include <lamella/kernels.h>

#include "backends/driver/packed_batch.h"
#include "backends/executor.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

/// How a call of a plan uses the mini-batch that the plan gathers.
enum class BatchUse : std::uint8_t {
  none,
  gathers,              ///< it gathers the batch, and need not be made
  samples_are_columns,  ///< a product of which the batch is B
  samples_are_rows,     ///< likewise
};

template <class T>
class BlockedKernels : public Kernels<T> {
 public:
  /// Both must outlive the kernels.
  BlockedKernels(const KernelTable<T>& table, const Executor& executor)
      : table_(table), executor_(executor) {}

  LAMELLA_FOR_EACH_KERNEL(LAMELLA_OVERRIDE_KERNEL)
  index packed_size(index k, index n) const noexcept override;
  void pack_b(ConstView<T> b, T* packed) const noexcept override;

  /// A product of which `batch` is B, with its samples along `axis`; a call of a plan for which
  /// batch_uses has said so.
  void fused_gemm_of_batch(const FusedGemm<T>& call, PackedBatch<T>& batch,
                           SampleAxis axis) const noexcept;
  /// How each call of the plan uses the mini-batch that the plan gathers, if products can pack the
  /// samples instead of reading a gathered matrix; else empty. Empty, too, where memory runs out.
  std::vector<BatchUse> batch_uses(const Plan<T>& plan) const noexcept;

 protected:
  const KernelTable<T>& table() const { return table_; }
  const Executor& executor() const { return executor_; }

 private:
  void gemv(const Gemm<T>& g) const noexcept;
  void gemm_small_m(const Gemm<T>& g) const noexcept;
  void apply_epilogue(const Epilogue<T>& epilogue, View<T> c) const noexcept;
  template <class Product>
  void in_passes(const FusedGemm<T>& call, const Product& product) const noexcept;

  const KernelTable<T>& table_;
  const Executor& executor_;
};

extern template class BlockedKernels<float>;
extern template class BlockedKernels<double>;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_
