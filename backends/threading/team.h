// A team of workers that runs a whole plan inside one parallel region.
//
// Every worker makes the same kernel calls in the same order. Where a call would have opened a
// parallel region of its own, the workers share out its parts among themselves: a phase. There is
// then one fork and join in a training step instead of one in every kernel. Not here: what the
// parts are (driver/) and where threads come from (executors).
#ifndef LAMELLA_BACKENDS_THREADING_TEAM_H_
#define LAMELLA_BACKENDS_THREADING_TEAM_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "backends/executor.h"

namespace lamella::backends {

/// What the members of a team share: the progress of each phase of a plan.
class Team {
 public:
  static constexpr int kMaxPhases = 128;
  static constexpr int kMaxParts = 64;

  struct alignas(64) Phase {
    std::atomic<std::uint64_t> claimed{0};  // bit i: part i has been begun
    std::atomic<int> done{0};               // parts that have ended
  };
  Phase& phase(int number) { return phases_[static_cast<std::size_t>(number)]; }

 private:
  std::array<Phase, kMaxPhases> phases_;
};

/// Parts of each worker in a phase. If one core is slower than another, the others wait at the end
/// of the phase for at most the time of one part.
constexpr int team_parts_per_worker(int workers) {
  return std::clamp(Team::kMaxParts / workers, 1, 8);
}

/// The executor that one worker of a team sees. Its run() is one phase, and returns when all parts
/// of the phase are done. A member runs its own parts first, from the first to the last, and then
/// parts of other members that have not begun, from the last to the first. So a team finishes also
/// if its other threads are slow, come late, or never come.
class TeamMember final : public Executor {
 public:
  TeamMember(Team& team, int worker, int workers)
      : team_(team), worker_(worker), workers_(workers) {}

  int concurrency() const noexcept override { return workers_; }
  int parts_per_worker() const noexcept override { return team_parts_per_worker(workers_); }
  double start_cost() const noexcept override;
  void run(int parts, WorkerBody body) const noexcept override;

 private:
  Team& team_;
  int worker_;
  int workers_;
  mutable int next_phase_ = 0;
};

/// Runs nothing. Counts how many phases the calls made through it would have, and how many workers
/// the widest of them would keep busy.
class DryRunExecutor final : public Executor {
 public:
  explicit DryRunExecutor(int workers) : workers_(workers) {}

  int concurrency() const noexcept override { return workers_; }
  int parts_per_worker() const noexcept override { return team_parts_per_worker(workers_); }
  double start_cost() const noexcept override;
  void run(int parts, WorkerBody) const noexcept override {
    ++phases_;
    widest_ = std::clamp(parts, widest_, workers_);
  }
  int phases() const { return phases_; }
  int widest() const { return widest_; }

 private:
  int workers_;
  mutable int phases_ = 0;
  mutable int widest_ = 0;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_TEAM_H_
