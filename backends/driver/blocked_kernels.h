// The drivers: every kernel of a backend as blocking, packing and tasks over a kernel table.
//
// They know no instruction set (that is the table's) and no thread library (that is the
// executor's). simd, openmp and tbb are this one class with different executors. Tasks are pieces
// of the output and no sum is ever split between them, so results do not depend on the number of
// threads.
#ifndef LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_
#define LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_

#include <optional>

#include <lamella/kernels.h>

#include "backends/driver/packed_batch.h"
#include "backends/executor.h"
#include "backends/kernel_table.h"
#include "backends/threading/late_team_backoff.h"
#include "backends/threading/threading_tuner.h"

namespace lamella::backends {

/// What a backend has learned about its threads from the plans it has run.
struct Experience {
  Attendance attendance;  // of the teams that plans were given to
  Trials trials;          // of small plans and products with a team and without
};

template <class T>
class BlockedKernels final : public Kernels<T> {
 public:
  /// All must outlive the drivers.
  BlockedKernels(const KernelTable<T>& table, const Executor& executor, Experience& experience)
      : table_(table), executor_(executor), experience_(&experience) {}

  void gemm(const Gemm<T>& call) const noexcept override;
  void bias_add(const BiasAdd<T>& call) const noexcept override;
  void softmax(const Softmax<T>& call) const noexcept override;
  void outer_product(const OuterProduct<T>& call) const noexcept override;
  void fused_gemm(const FusedGemm<T>& call) const noexcept override;
  void activate(const Activate<T>& call) const noexcept override;
  void activate_backward(const ActivateBackward<T>& call) const noexcept override;
  void softmax_nll(const SoftmaxNll<T>& call) const noexcept override;
  void column_sums(const ColumnSums<T>& call) const noexcept override;
  void sgd_update(const SgdUpdate<T>& call) const noexcept override;
  void adam_update(const AdamUpdate<T>& call) const noexcept override;
  void gather_bytes(const GatherBytes<T>& call) const noexcept override;
  index packed_size(index k, index n) const noexcept override;
  void pack_b(ConstView<T> b, T* packed) const noexcept override;
  /// The whole plan in one parallel region, where that pays.
  void run(const Plan<T>& plan) const noexcept override;
  void run_observed(const Plan<T>& plan, PlanObserver<T>& observer) const noexcept override;

 private:
  // Of one worker, for one run of a plan; with samples that stand for its first call, or none.
  BlockedKernels(const KernelTable<T>& table, const Executor& executor,
                 std::optional<PackedBatch<T>> samples)
      : table_(table), executor_(executor), experience_(nullptr), samples_(samples) {}

  // Each worker goes through the plan with drivers that share out every call among all; one of them
  // tells the observer, if there is one.
  void run_in_one_region(const Plan<T>& plan, PlanObserver<T>* observer) const noexcept;
  // Makes the call with all threads or with one, as trials show to be faster, if it is neither so
  // small nor so large that this is known; or does nothing and returns false.
  bool run_tried(const FusedGemm<T>& call) const noexcept;
  // The plan's first call, if it gathers samples that nobody but products will read, and these can
  // pack them instead; or null.
  const GatherBytes<T>* samples_to_pack(const Plan<T>& plan) const noexcept;
  void gemv(const Gemm<T>& call) const noexcept;
  void gemm_dots(const Gemm<T>& call) const noexcept;
  void apply_epilogue(const Epilogue<T>& epilogue, View<T> c) const noexcept;

  const KernelTable<T>& table_;
  const Executor& executor_;
  Experience* experience_;
  mutable std::optional<PackedBatch<T>> samples_;  // packed when products ask for them
};

extern template class BlockedKernels<float>;
extern template class BlockedKernels<double>;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_BLOCKED_KERNELS_H_
