// Cutting work into pieces for workers: how many are worth waking, and which part each does.
#ifndef LAMELLA_BACKENDS_DRIVER_PARTITION_H_
#define LAMELLA_BACKENDS_DRIVER_PARTITION_H_

#include <algorithm>

#include "backends/executor.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

struct Range {
  index begin, end;
  index size() const { return end - begin; }
};

/// Part `part` of [0, size) cut into `parts` of nearly equal length, each but the last a multiple
/// of `grain`. Parts may be empty.
inline Range part_of(index size, int part, int parts, index grain) {
  if (parts == 1) return {0, size};  // divisions would take as long as a small kernel
  const index grains = (size + grain - 1) / grain;
  return {std::min(size, grains * part / parts * grain),
          std::min(size, grains * (part + 1) / parts * grain)};
}

/// Elements of an element-wise kernel that pay for waking one more worker: a fork and join costs 2
/// to 5 us, in which one core moves about this many elements from the L2 cache.
inline constexpr index kElementsPerWorker = 64 * 1024;

/// Cost of an element with an exponential in it, relative to one that is only loaded and stored.
inline constexpr index kExpCost = 4;

/// Workers for `work` units of which each worker should have at least `per_worker`, where waking
/// one costs as much as a parallel region.
inline int workers_for(const Executor& executor, double work, double per_worker) {
  per_worker *= executor.start_cost();
  if (work < 2 * per_worker) return 1;
  return static_cast<int>(
      std::min<double>(work / per_worker, static_cast<double>(executor.concurrency())));
}

/// body(range) over [0, size) cut into one range a worker. Like all work of a driver it goes
/// through the executor even if one worker does it all: in a team (team.h) every member gets here.
template <class Body>
void parallel_for(const Executor& executor, index size, index grain, double work,
                  const Body& body) {
  const int workers = static_cast<int>(
      std::min<index>(workers_for(executor, work, static_cast<double>(kElementsPerWorker)),
                      std::max<index>(size / grain, 1)));
  executor.run(workers, [&](int worker) {
    const Range range = part_of(size, worker, workers, grain);
    if (range.size() > 0) body(range);
  });
}

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_PARTITION_H_
