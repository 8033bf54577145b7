// An executor that measures how late the threads of another one come, and does without them for a
// while if they came too late.
//
// Drivers get protection for every parallel kernel by it, and plans for their parallel region.
// Results do not depend on it: tasks are pieces of the output, whichever thread runs them.
#ifndef LAMELLA_BACKENDS_THREADING_ADAPTIVE_EXECUTOR_H_
#define LAMELLA_BACKENDS_THREADING_ADAPTIVE_EXECUTOR_H_

#include <cstdint>
#include <memory>

#include "backends/adaptive_threading.h"
#include "backends/executor.h"
#include "backends/threading/late_team_backoff.h"

namespace lamella::backends {

class AdaptiveExecutor final : public Executor {
 public:
  AdaptiveExecutor(std::unique_ptr<Executor> inner, const ThreadingOptions& options);

  /// 1 during a back-off, so that drivers do not even cut the work.
  int concurrency() const noexcept override;
  bool has_lost_threads() const noexcept override { return inner_->has_lost_threads(); }
  /// As concurrency() without a back-off.
  int threads() const noexcept { return inner_->concurrency(); }

  /// For bodies that are a part of the work each. The threads count as late if the calling thread
  /// waited for them longer than they can have saved, which is the time of its own bodies once for
  /// each other thread. So it is no lateness if bodies take unequal time.
  void run(int workers, WorkerBody body) const noexcept override {
    run(workers, body, Sharing::fixed);
  }
  /// For bodies that share out the work among themselves until all of it is done. Nothing that the
  /// calling thread waits for afterwards is work, so each wait counts.
  void run_team(int workers, WorkerBody body) const noexcept {
    run(workers, body, Sharing::dynamic);
  }

  int parts_per_worker() const noexcept override { return inner_->parts_per_worker(); }
  double start_cost() const noexcept override { return inner_->start_cost(); }

 private:
  enum class Sharing : std::uint8_t { fixed, dynamic };
  // What a parallel region took, in ticks: the calling thread's own bodies, and waiting for others.
  struct Ticks {
    std::uint64_t own, waited;
  };

  void run(int workers, WorkerBody body, Sharing sharing) const noexcept;
  Ticks run_and_measure(int workers, WorkerBody body) const noexcept;
  bool is_backed_off() const noexcept;
  // Learns from a region. A wait of at most `work` ticks is for others' work.
  void learn(Ticks ticks, std::uint64_t work) const noexcept;
  ThreadingClock::Duration duration_of(std::uint64_t ticks,
                                       ThreadingClock::Time now) const noexcept;

  std::unique_ptr<Executor> inner_;
  ThreadingOptions options_;
  // When this was made, by both clocks: the rate of ticks follows from the time since then.
  ThreadingClock::Time made_at_;
  std::uint64_t made_at_ticks_;
  mutable LateTeamBackoff backoff_;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_ADAPTIVE_EXECUTOR_H_
