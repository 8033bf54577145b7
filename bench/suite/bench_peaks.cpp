// The peaks themselves as benchmarks, and the table of them that opens a run.
#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>

#include "bench/suite/benchmarks.h"

namespace lamella::bench {
namespace {

constexpr PeakKind kMemoryLoops[] = {PeakKind::read, PeakKind::copy, PeakKind::scale,
                                     PeakKind::triad, PeakKind::axpy};

void register_peak(const std::string& where, const char* type, const PeakSpec& spec,
                   const PinPolicy& pin) {
  const std::string name = std::string("peak/") + type + '/' + name_of(spec.kind) + '/' +
                           spec.loops->isa + '/' + where + "/threads_" +
                           std::to_string(spec.threads);
  register_benchmark(name, [=](Run& run) {
    benchmark::State& state = run.state;
    PinPolicy single = pin;
    single.enabled &= spec.threads == 1;
    const ScopedPin pinned(single);
    PeakMeter meter(spec);
    double best = 0;
    double sum = 0;
    for (auto _ : state) {
      const auto start = std::chrono::steady_clock::now();
      const double now = meter.measure().per_second;
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      state.SetIterationTime(took.count());
      best = std::max(best, now);
      sum += now;
    }
    const double mean = sum / static_cast<double>(state.iterations());
    state.counters[counts_flops(spec.kind) ? "GFLOP/s" : "GB/s"] = mean / 1e9;
    state.counters["peak"] = best / 1e9;
    state.counters["threads"] = spec.threads;
  });
}

std::vector<int> thread_counts(int threads) {
  return threads > 1 ? std::vector<int>{1, threads} : std::vector<int>{1};
}

std::string rounded(double value) {
  std::ostringstream text;
  text.precision(1);
  text << std::fixed << value / 1e9;
  return text.str();
}

/// For example "101.2 GFLOP/s on 1 thread, 200.4 on 2".
class PeakLine {
 public:
  explicit PeakLine(PeakKind kind) : unit_(counts_flops(kind) ? " GFLOP/s" : " GB/s") {}

  void add(const PeakSpec& spec, const PinPolicy& pin) {
    PinPolicy single = pin;
    single.enabled &= spec.threads == 1;
    const ScopedPin pinned(single);
    const bool first = text_.empty();
    text_ += (first ? "" : ", ") + rounded(PeakMeter(spec).measure().per_second) +
             (first ? unit_ : "") + " on " + std::to_string(spec.threads) +
             (spec.threads == 1 ? " thread" : "");
  }
  const std::string& text() const { return text_; }

 private:
  std::string unit_;
  std::string text_;
};

}  // namespace

void register_peaks(int threads, const PinPolicy& pin) {
  for (const int count : thread_counts(threads)) {
    for (const PeakLoops* loops : usable_peak_loops()) {
      register_peak("registers", "f32", {PeakKind::fma_f32, loops, count, 0}, pin);
      register_peak("registers", "f64", {PeakKind::fma_f64, loops, count, 0}, pin);
      for (const auto& level : memory_levels(count))
        for (const PeakKind kind : kMemoryLoops)
          register_peak(level.name, "f32", {kind, loops, count, level.bytes}, pin);
    }
  }
}

void add_peaks_to_context(int threads, const PinPolicy& pin) {
  for (const PeakLoops* loops : usable_peak_loops()) {
    for (const PeakKind kind : {PeakKind::fma_f32, PeakKind::fma_f64}) {
      PeakLine line(kind);
      for (const int count : thread_counts(threads)) line.add({kind, loops, count, 0}, pin);
      benchmark::AddCustomContext(
          std::string("peak.fma.") + (kind == PeakKind::fma_f32 ? "f32." : "f64.") + loops->isa,
          line.text());
    }
  }
  const PeakLoops* fastest = usable_peak_loops().back();
  for (const PeakKind kind : kMemoryLoops) {
    for (const auto& level : memory_levels(1)) {
      PeakLine line(kind);
      for (const int count : thread_counts(threads))
        for (const auto& same : memory_levels(count))
          if (std::string(same.name) == level.name)
            line.add({kind, fastest, count, same.bytes}, pin);
      benchmark::AddCustomContext(std::string("peak.") + name_of(kind) + '.' + level.name,
                                  line.text());
    }
  }
}

}  // namespace lamella::bench
