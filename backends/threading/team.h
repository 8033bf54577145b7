// A team of workers that goes through a whole plan inside one parallel region.
//
// Every worker makes the same kernel calls in the same order; whatever a call would have forked,
// the workers now share out among themselves. Forking and joining once a training step instead of
// once a kernel saves 2 to 5 us a call. Not here: what the pieces are (drivers) and where threads
// come from (executors).
#ifndef LAMELLA_BACKENDS_THREADING_TEAM_H_
#define LAMELLA_BACKENDS_THREADING_TEAM_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "backends/executor.h"

namespace lamella::backends {

/// What the members of a team know of each other's progress: one phase per run() of a plan.
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

/// Parts a worker: what one core is slower than another, for a moment or always, then costs at most
/// a part's time at the end of a phase.
constexpr int team_parts_per_worker(int workers) {
  return std::clamp(Team::kMaxParts / workers, 1, 8);
}

/// The executor that one worker of a team sees. run() returns when all parts of the phase are done,
/// whoever did them: a member does its own parts, from the first on, and then parts of others that
/// nobody has begun, from their last one back. A team whose other threads are slow, come late, or
/// never, still finishes.
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

/// Runs nothing and counts: how many phases the calls made through it would have, and how wide.
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
