// What all benchmarks tell Google Benchmark, and the loop that all kernels share.
#include "bench/suite/measure.h"

#include <exception>
#include <memory>

namespace lamella::bench {
namespace {

int failures = 0;

}  // namespace

std::string benchmark_name(const std::string& kernel, const char* type,
                           const BackendUnderTest& subject, const std::string& layout,
                           const std::string& what) {
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

void report(benchmark::State& state, const PeakRatio& ratio) {
  const PeakRatio::Summary summary = ratio.summary();
  state.counters["peak_percent"] = 100 * summary.ratio;
  state.counters["peak"] = summary.peak / 1e9;
  state.counters["threads"] = summary.threads;
  state.SetLabel(ratio.label());
}

void run_kernel(Run& run, const BackendUnderTest& subject, PeakKind peak, const Work& work,
                const std::function<void()>& call) {
  const ScopedPin pinned(subject.pin_of_caller());

  benchmark::State& state = run.state;
  call();  // warms up caches and threads
  if (run.calls_per_stretch == 0) run.calls_per_stretch = calls_per_stretch(call);
  const auto calls = run.calls_per_stretch;
  PeakRatio ratio(subject, peak, work.footprint);
  const double per_call = counts_flops(peak) ? work.flops : work.bytes;
  double seconds = 0;
  while (state.KeepRunningBatch(calls)) {
    // Reading the peak has emptied the caches and put threads to sleep. One call is a warm-up
    // where it is short against a stretch; where it is not, it need not be.
    state.PauseTiming();
    if (calls > 1) call();
    state.ResumeTiming();

    const Stretch stretch = time_stretch(calls, call);

    state.PauseTiming();
    state.SetIterationTime(stretch.seconds);
    seconds += stretch.seconds;
    ratio.add(per_call * static_cast<double>(calls), stretch.seconds, stretch.busy_seconds);
    state.ResumeTiming();
  }
  const double total_calls = static_cast<double>(state.iterations());
  if (work.flops > 0) state.counters["GFLOP/s"] = work.flops * total_calls / seconds / 1e9;
  if (!counts_flops(peak)) state.counters["GB/s"] = work.bytes * total_calls / seconds / 1e9;
  report(state, ratio);
}

}  // namespace lamella::bench
