// How every benchmark is named, timed and set against its roof.
//
// Not here: what is measured (bench_*.cpp) and how a roof is (roof.h).
#ifndef LAMELLA_BENCH_MEASURE_H_
#define LAMELLA_BENCH_MEASURE_H_

#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "bench/machine.h"
#include "bench/roof.h"

namespace lamella::bench {

/// A backend under measurement.
struct Subject {
  std::shared_ptr<const Backend> backend;
  const RoofLoops* loops = nullptr;  ///< of the backend's instruction set
  PinPolicy pin;
};

/// What one call of a kernel does.
struct Work {
  double flops = 0;      ///< 0: not a figure anyone asks for
  double bytes = 0;      ///< traffic: each operand once for every time it must be read or written
  double footprint = 0;  ///< bytes of distinct memory, which decide the cache a roof is taken in
};

template <class T>
constexpr const char* type_name = sizeof(T) == 4 ? "f32" : "f64";

/// kernel/type/backend/isa/layout/case, the grammar of docs/benchmarks.md.
std::string benchmark_name(const std::string& kernel, const char* type, const Subject& subject,
                           const std::string& layout, const std::string& what);

/// One run of a benchmark. Google Benchmark makes several, and wants the same number of iterations
/// from every repetition; so what the first run found out about lengths holds for the others.
struct Run {
  benchmark::State& state;
  benchmark::IterationCount& calls_per_stretch;  ///< 0 until somebody knows
};

/// Registers `body`, which reports its time by SetIterationTime. An exception in it becomes the
/// benchmark's error.
void register_benchmark(const std::string& name, std::function<void(Run&)> body);

/// How many benchmarks have ended in an error so far.
int failed_benchmarks();

/// How a run stands to its roof, collected moment by moment.
///
/// Works in stretches: one reading of the roof before each and after each, so that the clock of
/// the moment is in both numbers. What counts is the median over the stretches in which neither
/// was disturbed; where there are fewer than three of these, the median speed against the best
/// reading, so that a busy machine never makes a kernel look better.
class RoofRatio {
 public:
  RoofRatio(const Subject& subject, RoofKind kind, double working_set_bytes);

  /// A stretch has ended that did `work` (flops or bytes, as the roof counts) in `seconds`, while
  /// the calling thread had its processor for `busy_seconds`.
  void add(double work, double seconds, double busy_seconds);

  /// Sets the counters roof_percent, roof (GFLOP/s or GB/s) and threads, and the label.
  void report(benchmark::State& state) const;

 private:
  RoofKind kind_;
  std::string label_;
  int threads_;
  RoofMeter meter_;
  RoofReading before_;
  std::vector<double> speeds_, roofs_;
  std::vector<double> undisturbed_ratios_;
};

/// Runs a case: `call` again and again, in stretches of about 10 ms, against `roof`.
/// Counters: GFLOP/s, GB/s (those whose work is not 0) and those of RoofRatio.
void run_kernel(Run& run, const Subject& subject, RoofKind roof, const Work& work,
                const std::function<void()>& call);

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_MEASURE_H_
