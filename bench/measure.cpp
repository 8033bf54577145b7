// The measuring loop that all kernel benchmarks share.
#include "bench/measure.h"

#include <algorithm>
#include <chrono>
#include <exception>

namespace lamella::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kStretchSeconds = 10e-3;

int failures = 0;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/// Calls that fill a stretch.
benchmark::IterationCount calls_per_stretch(const std::function<void()>& call) {
  for (benchmark::IterationCount calls = 1;; calls *= 2) {
    const auto start = Clock::now();
    for (benchmark::IterationCount i = 0; i < calls; ++i) call();
    const double seconds = seconds_since(start);
    if (seconds >= kStretchSeconds / 8) {
      const double fitting = static_cast<double>(calls) * kStretchSeconds / seconds;
      return std::max<benchmark::IterationCount>(1,
                                                 static_cast<benchmark::IterationCount>(fitting));
    }
  }
}

}  // namespace

std::string benchmark_name(const std::string& kernel, const char* type, const Subject& subject,
                           const std::string& layout, const std::string& what) {
  const auto& info = subject.backend->info();
  return kernel + '/' + type + '/' + info.name + '/' + info.isa + '/' + layout + '/' + what;
}

void register_benchmark(const std::string& name, std::function<void(Run&)> body) {
  auto calls = std::make_shared<benchmark::IterationCount>(0);
  auto guarded = [body = std::move(body), calls](benchmark::State& state) {
    try {
      Run run{state, *calls};
      body(run);
    } catch (const std::exception& error) {
      ++failures;
      state.SkipWithError(error.what());
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), std::move(guarded))
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

int failed_benchmarks() { return failures; }

RoofRatio::RoofRatio(const Subject& subject, RoofKind kind, double working_set_bytes)
    : kind_(kind),
      label_(std::string("roof: ") + name_of(kind) + ' ' + subject.loops->isa),
      threads_(subject.backend->info().threads),
      meter_({kind, subject.loops, threads_, static_cast<std::size_t>(working_set_bytes)}),
      before_(meter_.measure()) {}

void RoofRatio::add(double work, double seconds, double busy_seconds) {
  const auto after = meter_.measure();
  const double roof = 0.5 * (before_.per_second + after.per_second);
  speeds_.push_back(work / seconds);
  roofs_.push_back(roof);
  // With more threads, the calling one may as well have waited for the others.
  const bool had_processor = threads_ > 1 || had_its_processor(busy_seconds, seconds);
  if (before_.undisturbed && after.undisturbed && had_processor)
    undisturbed_ratios_.push_back(speeds_.back() / roof);
  before_ = after;
}

void RoofRatio::report(benchmark::State& state) const {
  const bool enough = undisturbed_ratios_.size() >= std::min<std::size_t>(3, speeds_.size());
  const double best = *std::max_element(roofs_.begin(), roofs_.end());
  const double ratio = enough ? median(undisturbed_ratios_) : median(speeds_) / best;
  state.counters["roof_percent"] = 100 * ratio;
  state.counters["roof"] = median(roofs_) / 1e9;
  state.counters["threads"] = threads_;
  state.SetLabel(label_ + (counts_flops(kind_) ? ", GFLOP/s" : ", GB/s"));
}

void run_kernel(Run& run, const Subject& subject, RoofKind roof, const Work& work,
                const std::function<void()>& call) {
  PinPolicy pin = subject.pin;
  pin.enabled &= subject.backend->info().threads == 1;
  const ScopedPin pinned(pin);

  benchmark::State& state = run.state;
  call();  // warms up caches and threads
  if (run.calls_per_stretch == 0) run.calls_per_stretch = calls_per_stretch(call);
  const auto calls = run.calls_per_stretch;
  RoofRatio ratio(subject, roof, work.footprint);
  const double per_call = counts_flops(roof) ? work.flops : work.bytes;
  double seconds = 0;
  while (state.KeepRunningBatch(calls)) {
    // Reading the roof has emptied the caches and put threads to sleep. One call is a warm-up
    // where it is short against a stretch; where it is not, it need not be.
    state.PauseTiming();
    if (calls > 1) call();
    state.ResumeTiming();

    const double busy = thread_seconds();
    const auto start = Clock::now();
    for (benchmark::IterationCount i = 0; i < calls; ++i) call();
    const double stretch = seconds_since(start);
    const double busy_stretch = thread_seconds() - busy;

    state.PauseTiming();
    state.SetIterationTime(stretch);
    seconds += stretch;
    ratio.add(per_call * static_cast<double>(calls), stretch, busy_stretch);
    state.ResumeTiming();
  }
  const double total_calls = static_cast<double>(state.iterations());
  if (work.flops > 0) state.counters["GFLOP/s"] = work.flops * total_calls / seconds / 1e9;
  if (!counts_flops(roof)) state.counters["GB/s"] = work.bytes * total_calls / seconds / 1e9;
  ratio.report(state);
}

}  // namespace lamella::bench
