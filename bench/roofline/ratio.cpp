// Stretches of work between readings of the peak.
#include "bench/roofline/ratio.h"

#include <algorithm>
#include <chrono>

namespace lamella::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kStretchSeconds = 10e-3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

}  // namespace

PinPolicy BackendUnderTest::pin_of_caller() const {
  PinPolicy policy = pin;
  policy.enabled &= backend->info().threads == 1;
  return policy;
}

std::int64_t calls_per_stretch(const std::function<void()>& call) {
  for (std::int64_t calls = 1;; calls *= 2) {
    const double seconds = time_stretch(calls, call).seconds;
    if (seconds >= kStretchSeconds / 8) {
      const double fitting = static_cast<double>(calls) * kStretchSeconds / seconds;
      return std::max<std::int64_t>(1, static_cast<std::int64_t>(fitting));
    }
  }
}

Stretch time_stretch(std::int64_t calls, const std::function<void()>& call) {
  const double busy = thread_seconds();
  const auto start = Clock::now();
  for (std::int64_t i = 0; i < calls; ++i) call();
  const double seconds = seconds_since(start);
  return {seconds, thread_seconds() - busy};
}

PeakRatio::PeakRatio(const BackendUnderTest& subject, PeakKind kind, double working_set_bytes)
    : kind_(kind),
      loops_(subject.loops->isa),
      threads_(subject.backend->info().threads),
      meter_({kind, subject.loops, threads_, static_cast<std::size_t>(working_set_bytes)}),
      before_(meter_.measure()) {}

void PeakRatio::add(double work, double seconds, double busy_seconds) {
  const auto after = meter_.measure();
  const double peak = 0.5 * (before_.per_second + after.per_second);
  speeds_.push_back(work / seconds);
  peaks_.push_back(peak);
  // With more threads, the calling one may as well have waited for the others.
  const bool had_processor = threads_ > 1 || had_its_processor(busy_seconds, seconds);
  if (before_.undisturbed && after.undisturbed && had_processor)
    undisturbed_ratios_.push_back(speeds_.back() / peak);
  before_ = after;
}

PeakRatio::Summary PeakRatio::summary() const {
  const bool enough = undisturbed_ratios_.size() >= std::min<std::size_t>(3, speeds_.size());
  const double best = *std::max_element(peaks_.begin(), peaks_.end());
  const double speed = median(speeds_);
  return {enough ? median(undisturbed_ratios_) : speed / best, speed, median(peaks_), threads_,
          enough};
}

std::string PeakRatio::label() const {
  return std::string("peak: ") + name_of(kind_) + ' ' + loops_ +
         (counts_flops(kind_) ? ", GFLOP/s" : ", GB/s");
}

}  // namespace lamella::bench
