// Measures parallel regions by ticks, four readings each, and clocks only what looks late.
#include "backends/threading/adaptive_executor.h"

#include <algorithm>

#include "backends/threading/threading_trace.h"

namespace lamella::backends {

AdaptiveExecutor::AdaptiveExecutor(std::unique_ptr<Executor> inner, const ThreadingOptions& options)
    : inner_(std::move(inner)),
      options_(options),
      made_at_(options.clock.now()),
      made_at_ticks_(options.clock.ticks()) {}

int AdaptiveExecutor::concurrency() const noexcept {
  return is_backed_off() ? 1 : inner_->concurrency();
}

bool AdaptiveExecutor::is_backed_off() const noexcept {
  return backoff_.is_armed() && backoff_.is_active(options_.clock.now());
}

void AdaptiveExecutor::run(int workers, WorkerBody body, Sharing sharing) const noexcept {
  if (workers <= 1 || is_backed_off()) {
    for (int worker = 0; worker < workers; ++worker) body(worker);
    return;
  }
  // A run inside another parallel region has no threads to learn about.
  const int threads = inner_->concurrency();
  if (!options_.adaptive || threads == 1) return inner_->run(workers, body);
  const Ticks ticks = run_and_measure(workers, body);
  const auto others = static_cast<std::uint64_t>(std::min(workers, threads) - 1);
  learn(ticks, sharing == Sharing::fixed ? others * ticks.own : 0);
}

AdaptiveExecutor::Ticks AdaptiveExecutor::run_and_measure(int workers,
                                                          WorkerBody body) const noexcept {
  static thread_local const char this_thread = 0;  // its address tells threads apart
  const char* const caller = &this_thread;
  const auto ticks = options_.clock.ticks;
  // Of the bodies that the calling thread runs; it alone writes here.
  bool has_begun = false;
  std::uint64_t begun = 0, done = 0;
  const std::uint64_t called = ticks();
  inner_->run(workers, [&](int worker) {
    if (&this_thread != caller) return body(worker);
    if (!has_begun) begun = ticks();
    has_begun = true;
    body(worker);
    done = ticks();
  });
  const std::uint64_t all = ticks() - called;
  const std::uint64_t own = std::min(done - begun, all);
  return {own, all - own};
}

void AdaptiveExecutor::learn(Ticks ticks, std::uint64_t work) const noexcept {
  const bool in_vain = ticks.waited > work;
  if (!in_vain && backoff_.is_idle()) return;  // as on a quiet machine
  const ThreadingClock::Time now = options_.clock.now();
  const ThreadingClock::Duration waited = duration_of(ticks.waited, now);
  if (in_vain && waited >= LateTeamBackoff::kLate) {
    const auto length = backoff_.late(waited, now);
    if (options_.trace != nullptr) trace_late_team(options_.trace, waited, length);
  } else if (backoff_.on_time(now) && options_.trace != nullptr) {
    trace_team_on_time(options_.trace, threads());
  }
}

ThreadingClock::Duration AdaptiveExecutor::duration_of(std::uint64_t ticks,
                                                       ThreadingClock::Time now) const noexcept {
  const auto since = static_cast<double>((now - made_at_).count());
  const auto ticks_since = static_cast<double>(options_.clock.ticks() - made_at_ticks_);
  return ThreadingClock::Duration(static_cast<ThreadingClock::Duration::rep>(
      static_cast<double>(ticks) * since / std::max(ticks_since, 1.0)));
}

std::unique_ptr<Executor> make_adaptive_executor(std::unique_ptr<Executor> inner,
                                                 const ThreadingOptions& options) {
  if (!options.adaptive) return inner;
  return std::make_unique<AdaptiveExecutor>(std::move(inner), options);
}

}  // namespace lamella::backends
