// The mini-batch of a plan as a packed operand, straight from the stored bytes: it is never written
// as a matrix.
//
// Each worker packs what its products read, for itself. A batch that one core has gathered and
// others read moves from cache to cache, line by line: on two cores, that takes longer than
// gathering all of it twice.
#ifndef LAMELLA_BACKENDS_DRIVER_PACKED_BATCH_H_
#define LAMELLA_BACKENDS_DRIVER_PACKED_BATCH_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <lamella/kernels.h>

#include "backends/driver/byte_samples.h"
#include "backends/driver/pack_buffer.h"
#include "backends/driver/partition.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

/// Panels of nr samples, samples along the lanes, each `features` deep: B of a product in which
/// samples are columns. Of one worker, for one run of a plan.
template <class T>
class PackedBatch {
 public:
  /// Larger batches are gathered as a matrix: every worker holds a packed one
  /// (docs/performance/log.md#gather-bytes).
  static constexpr index kMostBytes = 8 << 20;
  static constexpr index kMostPanels = 256;

  /// Bytes of memory that a batch takes; 0 if it cannot be packed.
  static index bytes(const KernelTable<T>& table, const GatherBytes<T>& call) {
    const index panels = (call.out.rows + table.nr - 1) / table.nr;
    const index size = panels * table.nr * call.features * index{sizeof(T)};
    const bool packs = table.pack_samples != nullptr && call.out.rows >= kFewestSamples &&
                       panels <= kMostPanels && size <= kMostBytes;
    return packs ? size : 0;
  }

  /// All must outlive this. `memory` has room for bytes().
  PackedBatch(const KernelTable<T>& table, const GatherBytes<T>& call, T* memory)
      : table_(table), call_(call), memory_(memory) {}

  const GatherBytes<T>& call() const { return call_; }
  /// The first panel. What is not packed yet may be written: see mark_packed.
  T* panels() { return memory_; }
  /// Elements from one panel to the next.
  index panel_stride() const { return call_.features * table_.nr; }

  /// Packs those of the panels that hold `samples` which are not packed yet.
  void pack(Range samples) {
    const index end = end_panel(samples);
    for (index panel = samples.begin / table_.nr; panel < end; ++panel) {
      const index first = panel;
      while (panel < end && !packed_[static_cast<std::size_t>(panel)])
        packed_[static_cast<std::size_t>(panel++)] = true;
      if (panel == first) continue;
      const Range missing{first * table_.nr, std::min(panel * table_.nr, call_.out.rows)};
      table_.pack_samples(block_of_samples(call_, missing, {0, call_.features}),
                          memory_ + first * panel_stride());
    }
  }

  /// For products that pack whole panels in passing: is none of these panels packed, and, after the
  /// product, all of them are.
  bool none_is_packed(Range samples) const {
    const auto [begin, end] = flags(samples);
    return std::find(packed_.begin() + begin, packed_.begin() + end, true) == packed_.begin() + end;
  }
  void mark_packed(Range samples) {
    const auto [begin, end] = flags(samples);
    std::fill(packed_.begin() + begin, packed_.begin() + end, true);
  }

 private:
  index end_panel(Range samples) const { return (samples.end + table_.nr - 1) / table_.nr; }
  std::pair<index, index> flags(Range samples) const {
    return {samples.begin / table_.nr, end_panel(samples)};
  }

  const KernelTable<T>& table_;
  const GatherBytes<T>& call_;
  T* memory_;
  std::array<bool, kMostPanels> packed_{};
};

/// Memory for all workers of one run of a plan, of the thread that runs it and kept for the next.
template <class T>
class PackedBatchOfWorkers {
 public:
  /// Without a call, or without memory, there are none.
  PackedBatchOfWorkers(const KernelTable<T>& table, const GatherBytes<T>* call, int workers)
      : table_(table), call_(call) {
    if (call == nullptr) return;
    // Pages of their own, so that each lies with the core that writes to it first.
    constexpr index kPage = 4096;
    stride_ = (PackedBatch<T>::bytes(table, *call) + kPage - 1) / kPage * kPage;
    memory_ = static_cast<unsigned char*>(
        pack_buffers.batch.get(static_cast<std::size_t>(workers * stride_)));
  }

  std::optional<PackedBatch<T>> of(int worker) const {
    if (memory_ == nullptr) return std::nullopt;
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes the thread's buffer for a local one
    return PackedBatch<T>(table_, *call_, reinterpret_cast<T*>(memory_ + worker * stride_));
  }

 private:
  const KernelTable<T>& table_;
  const GatherBytes<T>* call_;
  index stride_ = 0;
  unsigned char* memory_ = nullptr;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_PACKED_BATCH_H_
