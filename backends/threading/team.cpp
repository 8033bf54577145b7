// How the members of a team share out the parts of a phase, and wait for each other at its end.
#include "backends/threading/team.h"

#include <sched.h>

#include <algorithm>

namespace lamella::backends {
namespace {

/// To start a phase costs a fraction of a parallel region: its workers are there already.
constexpr double kPhaseCost = 0.15;

/// How often a member looks at a phase before it takes over parts of a worker that has not begun
/// any: a few microseconds. If it did so at once, a worker that is only slightly late would lose
/// the parts whose data are in its cache.
constexpr int kSpinsBeforeTakeover = 200;

/// How often a member looks at a phase before it yields its processor: if another process has
/// taken a core, the thread that it waits for may need this one.
constexpr int kSpinsBeforeYield = 4000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

double TeamMember::start_cost() const noexcept { return kPhaseCost; }
double DryRunExecutor::start_cost() const noexcept { return kPhaseCost; }

void TeamMember::run(int parts, WorkerBody body) const noexcept {
  Team::Phase& phase = team_.phase(next_phase_++);
  const auto bit = [](int part) { return std::uint64_t{1} << part; };
  const auto is_claimed = [&](int part) {
    return (phase.claimed.load(std::memory_order_relaxed) & bit(part)) != 0;
  };
  const auto begin = [&](int part) {
    if (is_claimed(part) ||
        (phase.claimed.fetch_or(bit(part), std::memory_order_relaxed) & bit(part)) != 0)
      return false;
    body(part);
    phase.done.fetch_add(1, std::memory_order_release);
    return true;
  };
  // If there are fewer parts than workers, the first workers get one each. A single part is always
  // worker 0's, so that serial kernels stay on one core.
  const int owners = std::min(parts, workers_);
  const auto first_of = [&](int worker) { return parts * worker / owners; };
  // Runs the last part of another worker that has not been begun. Parts of a worker that has begun
  // none count only if `late`.
  const auto take_one = [&](bool late) {
    for (int other = 0; other < owners; ++other) {
      const int first = first_of(other);
      if (other == worker_ || (!late && !is_claimed(first))) continue;
      for (int part = first_of(other + 1) - 1; part >= first; --part)
        if (begin(part)) return true;
    }
    return false;
  };

  if (worker_ < owners)
    for (int part = first_of(worker_); part < first_of(worker_ + 1); ++part) begin(part);
  for (int spins = 0; phase.done.load(std::memory_order_acquire) < parts; ++spins) {
    if (take_one(spins >= kSpinsBeforeTakeover)) continue;
    if (spins < kSpinsBeforeYield)
      pause();
    else
      sched_yield();
  }
}

}  // namespace lamella::backends
