// How the members of a team share out a phase and wait for each other.
#include "backends/threading/team.h"

#include <sched.h>

#include <algorithm>

namespace lamella::backends {
namespace {

/// Waking the workers of a phase costs about 0.3 us, against 2 to 5 us for a parallel region.
constexpr double kPhaseCost = 0.15;

/// Looks at a phase before parts of a worker that has not begun any are taken over: a few
/// microseconds. Sooner, a worker that is merely late would find its work (and its warm cache)
/// taken away.
constexpr int kSpinsBeforeTakeover = 200;

/// Looks before the processor is offered to others: with a core taken away by another process, the
/// part waited for may need this one.
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
  // Few parts are the first workers', one each: part 0 is worker 0's also when there is no other,
  // so that serial kernels stay on one core.
  const int owners = std::min(parts, workers_);
  const auto first_of = [&](int worker) { return parts * worker / owners; };
  // The last part of another worker that nobody has begun; of one that has begun none only if late.
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
