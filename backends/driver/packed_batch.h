// The mini-batch of a plan as a packed operand, straight from the stored bytes: nobody writes it as
// a matrix first.
//
// Each worker packs what its products read, for itself. A batch that one core has gathered and
// others read moves from cache to cache, line by line: on two cores, that took longer than
// gathering all of it twice.
#ifndef LAMELLA_BACKENDS_DRIVER_PACKED_BATCH_H_
#define LAMELLA_BACKENDS_DRIVER_PACKED_BATCH_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

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
  /// Batches of 2048 x 784, 6 MB, train 2 to 4 % faster packed (AVX-512, one and two threads).
  /// Larger ones were not tried: every worker holds one.
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
  /// Elements from one panel to the next.
  index panel_stride() const { return call_.features * table_.nr; }

  /// Whether the caller is to pack these samples, whole panels, into panels() now: none of them is
  /// packed yet.
  bool claim(Range samples) {
    const auto at = packed_.begin();
    const auto begin = at + samples.begin / table_.nr, end = at + samples.end / table_.nr;
    if (std::find(begin, end, true) != end) return false;
    std::fill(begin, end, true);
    return true;
  }

  /// The first panel; those that hold `samples` are packed now.
  const T* panels(Range samples) {
    const index end = (samples.end + table_.nr - 1) / table_.nr;
    for (index panel = samples.begin / table_.nr; panel < end; ++panel) {
      const index first = panel;
      while (panel < end && !packed_[static_cast<std::size_t>(panel)])
        packed_[static_cast<std::size_t>(panel++)] = true;
      if (panel == first) continue;
      const Range missing{first * table_.nr, std::min(panel * table_.nr, call_.out.rows)};
      table_.pack_samples(block_of_samples(call_, missing, {0, call_.features}),
                          memory_ + first * panel_stride());
    }
    return memory_;
  }

 private:
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
    thread_local PackBuffer buffer;
    memory_ = static_cast<unsigned char*>(buffer.get(static_cast<std::size_t>(workers * stride_)));
  }

  std::optional<PackedBatch<T>> of(int worker) const {
    if (memory_ == nullptr) return std::nullopt;
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
