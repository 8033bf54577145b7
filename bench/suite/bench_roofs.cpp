// The roofs themselves as benchmarks, and the table of them that opens a run.
#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>

#include "bench/suite/cases.h"

namespace lamella::bench {
namespace {

constexpr RoofKind kMemoryLoops[] = {RoofKind::read, RoofKind::copy, RoofKind::scale,
                                     RoofKind::triad, RoofKind::axpy};

void register_roof(const std::string& where, const char* type, const RoofSpec& spec,
                   const PinPolicy& pin) {
  const std::string name = std::string("roof/") + type + '/' + name_of(spec.kind) + '/' +
                           spec.loops->isa + '/' + where + "/threads_" +
                           std::to_string(spec.threads);
  register_benchmark(name, [=](Run& run) {
    benchmark::State& state = run.state;
    PinPolicy single = pin;
    single.enabled &= spec.threads == 1;
    const ScopedPin pinned(single);
    RoofMeter meter(spec);
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
    state.counters["roof"] = best / 1e9;
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
class RoofLine {
 public:
  explicit RoofLine(RoofKind kind) : unit_(counts_flops(kind) ? " GFLOP/s" : " GB/s") {}

  void add(const RoofSpec& spec, const PinPolicy& pin) {
    PinPolicy single = pin;
    single.enabled &= spec.threads == 1;
    const ScopedPin pinned(single);
    const bool first = text_.empty();
    text_ += (first ? "" : ", ") + rounded(RoofMeter(spec).measure().per_second) +
             (first ? unit_ : "") + " on " + std::to_string(spec.threads) +
             (spec.threads == 1 ? " thread" : "");
  }
  const std::string& text() const { return text_; }

 private:
  std::string unit_;
  std::string text_;
};

}  // namespace

void register_roofs(int threads, const PinPolicy& pin) {
  for (const int count : thread_counts(threads)) {
    for (const RoofLoops* loops : usable_roof_loops()) {
      register_roof("registers", "f32", {RoofKind::fma_f32, loops, count, 0}, pin);
      register_roof("registers", "f64", {RoofKind::fma_f64, loops, count, 0}, pin);
      for (const auto& level : roof_levels(count))
        for (const RoofKind kind : kMemoryLoops)
          register_roof(level.name, "f32", {kind, loops, count, level.bytes}, pin);
    }
  }
}

void add_roofs_to_context(int threads, const PinPolicy& pin) {
  for (const RoofLoops* loops : usable_roof_loops()) {
    for (const RoofKind kind : {RoofKind::fma_f32, RoofKind::fma_f64}) {
      RoofLine line(kind);
      for (const int count : thread_counts(threads)) line.add({kind, loops, count, 0}, pin);
      benchmark::AddCustomContext(
          std::string("roof.fma.") + (kind == RoofKind::fma_f32 ? "f32." : "f64.") + loops->isa,
          line.text());
    }
  }
  const RoofLoops* fastest = usable_roof_loops().back();
  for (const RoofKind kind : kMemoryLoops) {
    for (const auto& level : roof_levels(1)) {
      RoofLine line(kind);
      for (const int count : thread_counts(threads))
        for (const auto& same : roof_levels(count))
          if (std::string(same.name) == level.name)
            line.add({kind, fastest, count, same.bytes}, pin);
      benchmark::AddCustomContext(std::string("roof.") + name_of(kind) + '.' + level.name,
                                  line.text());
    }
  }
}

}  // namespace lamella::bench
