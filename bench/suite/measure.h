// How every benchmark is named, run and reported to Google Benchmark.
//
// Not here: what is measured (bench_*.cpp), and how it is timed and set against a peak (ratio.h).
#ifndef LAMELLA_BENCH_SUITE_MEASURE_H_
#define LAMELLA_BENCH_SUITE_MEASURE_H_

#include <functional>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/roofline/ratio.h"
#include "bench/workloads/work.h"

namespace lamella::bench {

template <class T>
constexpr const char* type_name = sizeof(T) == 4 ? "f32" : "f64";

/// kernel/type/backend/isa/layout/case, the grammar of docs/performance/methodology.md.
std::string benchmark_name(const std::string& kernel, const char* type,
                           const BackendUnderTest& subject, const std::string& layout,
                           const std::string& what);

/// One run of a benchmark. Google Benchmark makes several and expects the same number of iterations
/// from every repetition; so the first run decides the length of a stretch for the others too.
struct Run {
  benchmark::State& state;
  benchmark::IterationCount& calls_per_stretch;  ///< 0 until the first run has found it
};

/// Registers `body`, which reports its time by SetIterationTime. An exception in it becomes the
/// benchmark's error.
void register_benchmark(const std::string& name, std::function<void(Run&)> body);

/// How many benchmarks have ended in an error so far.
int failed_benchmarks();

/// Sets the counters peak_percent, peak (GFLOP/s or GB/s) and threads, and the label.
void report(benchmark::State& state, const PeakRatio& ratio);

/// Runs a case: `call` again and again, in stretches of about 10 ms, against `peak`.
/// Counters: GFLOP/s, GB/s (those whose work is not 0) and those of PeakRatio.
void run_kernel(Run& run, const BackendUnderTest& subject, PeakKind peak, const Work& work,
                const std::function<void()>& call);

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_SUITE_MEASURE_H_
