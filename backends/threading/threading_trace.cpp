// The words of each kind of line.
#include "backends/threading/threading_trace.h"

#include <cstdio>

namespace lamella::backends {
namespace {

using Line = std::array<char, 256>;

double us(ThreadingClock::Duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}
double ms(ThreadingClock::Duration time) { return us(time) / 1000; }

const char* type_name(std::size_t element_size) {
  return element_size == sizeof(float) ? "f32" : "f64";
}

}  // namespace

ThreadingSubject product_subject(std::size_t element_size, index m, index n, index k) noexcept {
  ThreadingSubject subject;
  std::snprintf(subject.data(), subject.size(), "gemm %s %lldx%lldx%lld", type_name(element_size),
                static_cast<long long>(m), static_cast<long long>(n), static_cast<long long>(k));
  return subject;
}

ThreadingSubject plan_subject(std::size_t element_size, std::size_t calls, double flops) noexcept {
  ThreadingSubject subject;
  std::snprintf(subject.data(), subject.size(), "plan %s of %zu calls, %.3g Mflop",
                type_name(element_size), calls, flops * 1e-6);
  return subject;
}

void trace_decision(ThreadingTrace trace, const ThreadingSubject& subject,
                    const ThreadingDecision& decision, int threads) noexcept {
  Line line;
  if (decision.mode == ThreadingMode::single_threaded)
    std::snprintf(line.data(), line.size(),
                  "lamella: threading: %s: one thread (%.1f us against %.1f us with %d)\n",
                  subject.data(), us(decision.time), us(decision.other_time), threads);
  else
    std::snprintf(line.data(), line.size(),
                  "lamella: threading: %s: %d threads (%.1f us against %.1f us with one)\n",
                  subject.data(), threads, us(decision.time), us(decision.other_time));
  trace(line.data());
}

void trace_late_team(ThreadingTrace trace, ThreadingClock::Duration waited,
                     ThreadingClock::Duration backoff) noexcept {
  Line line;
  std::snprintf(line.data(), line.size(),
                "lamella: threading: team late by %.1f ms; one thread for %.0f ms\n", ms(waited),
                ms(backoff));
  trace(line.data());
}

void trace_team_on_time(ThreadingTrace trace, int threads) noexcept {
  Line line;
  std::snprintf(line.data(), line.size(), "lamella: threading: team on time; %d threads again\n",
                threads);
  trace(line.data());
}

}  // namespace lamella::backends
