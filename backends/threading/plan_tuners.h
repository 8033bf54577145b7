// The threading tuners of the plans run last, by the shapes of all their calls.
#ifndef LAMELLA_BACKENDS_THREADING_PLAN_TUNERS_H_
#define LAMELLA_BACKENDS_THREADING_PLAN_TUNERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <lamella/kernels.h>

#include "backends/kernel_table.h"
#include "backends/threading/threading_tuner.h"
#include "backends/threading/try_lock.h"

namespace lamella::backends {

/// A tuner that several threads may use at once: while one of them is in it, others get a team and
/// are not timed.
class SharedTuner {
 public:
  using Clock = ThreadingTuner::Clock;

  ThreadingChoice choose(Clock::time_point now) noexcept {
    ThreadingChoice choice{ThreadingMode::team, false};
    lock_.if_free([&] { choice = tuner_.choose(now); });
    return choice;
  }
  std::optional<ThreadingDecision> record(ThreadingMode mode, Clock::duration time,
                                          Clock::time_point now) noexcept {
    std::optional<ThreadingDecision> decision;
    lock_.if_free([&] { decision = tuner_.record(mode, time, now); });
    return decision;
  }

 private:
  TryLock lock_;
  ThreadingTuner tuner_;
};

/// What decides how long a call of a plan takes: its kernel, and the sizes of its operands.
struct CallShape {
  std::size_t kernel;  // KernelCall::index()
  index rows, cols, depth;
  friend bool operator==(const CallShape&, const CallShape&) = default;
};

template <class T>
CallShape shape_of(const KernelCall<T>& call);

/// Plans of one shape share a tuner: networks alike, and a plan that is built anew for each
/// prediction. May be used by several threads at once.
class PlanTuners {
 public:
  static constexpr std::size_t kTuners = 16;

  /// The tuner of plans with the shapes of this one. Null if there is no memory for one, or if
  /// another thread is looking for one. Allocates only for a plan with new shapes.
  template <class T>
  std::shared_ptr<SharedTuner> tuner_of(const Plan<T>& plan) noexcept;

 private:
  struct Entry {
    std::vector<CallShape> calls;
    std::vector<std::size_t> transient_outputs;
    std::uint64_t last_use = 0;  // 0: the entry is free
    std::shared_ptr<SharedTuner> tuner;
  };

  template <class T>
  std::shared_ptr<SharedTuner> find_or_make(const Plan<T>& plan);

  TryLock lock_;
  std::uint64_t uses_ = 0;
  std::array<Entry, kTuners> entries_{};
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_PLAN_TUNERS_H_
