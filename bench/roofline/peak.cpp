// Measuring a peak: calibrate a burst, repeat it until it was undisturbed.
#include "bench/roofline/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>
#include <thread>

#include <lamella/backend_selection.h>

#include "bench/roofline/machine.h"

namespace lamella::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr double kBurstSeconds = 1e-3;
constexpr auto kPatience = 40ms;
constexpr index_t kPieceElements = 512 * 1024;  // 2 MiB: a fraction of a burst from memory

int arrays_of(PeakKind kind) {
  switch (kind) {
    case PeakKind::fma_f32:
    case PeakKind::fma_f64:
      return 0;
    case PeakKind::read:
    case PeakKind::scale:
      return 1;
    case PeakKind::copy:
    case PeakKind::axpy:
      return 2;
    case PeakKind::triad:
      return 3;
  }
  return 0;
}

/// Array elements read or written per index of the loop.
int accesses_of(PeakKind kind) { return kind == PeakKind::scale ? 2 : arrays_of(kind); }

/// Takes a loop's result so that no compiler can prove it unused.
void sink(double value) {
  static std::atomic<double> last;
  last.store(value, std::memory_order_relaxed);
}

}  // namespace

const char* name_of(PeakKind kind) {
  switch (kind) {
    case PeakKind::fma_f32:
    case PeakKind::fma_f64:
      return "fma";
    case PeakKind::read:
      return "read";
    case PeakKind::copy:
      return "copy";
    case PeakKind::scale:
      return "scale";
    case PeakKind::triad:
      return "triad";
    case PeakKind::axpy:
      return "axpy";
  }
  return "?";
}

std::vector<const PeakLoops*> usable_peak_loops() {
  std::vector<const PeakLoops*> loops{&peak_baseline};
#if defined(__x86_64__)
  const PeakLoops* optional[] = {&peak_avx2, &peak_avx512};
#elif defined(__aarch64__)
  const PeakLoops* optional[] = {&peak_neon};
#else
  const std::vector<const PeakLoops*> optional;
#endif
  const auto isas = list_isas();
  for (const PeakLoops* one : optional)
    for (const auto& isa : isas)
      if (isa.usable && isa.name == one->isa) loops.push_back(one);
  return loops;
}

const PeakLoops* peak_loops_for(const std::string& isa) {
  const auto loops = usable_peak_loops();
  if (isa == "scalar") return loops.front();
  for (const PeakLoops* one : loops)
    if (isa == one->isa) return one;
  return loops.back();
}

std::vector<MemoryLevel> memory_levels(int threads) {
  constexpr std::size_t kMiB = 1024 * 1024;
  const Caches caches = data_caches();
  const auto cores = static_cast<std::size_t>(threads);
  std::vector<MemoryLevel> levels;
  if (caches.l1 > 0) levels.push_back({"L1", caches.l1 / 2 * cores});
  if (caches.l2 > 0) levels.push_back({"L2", caches.l2 / 2 * cores});
  // Half of the last level only where that is beyond the private caches of these threads.
  if (caches.l3 / 2 > 2 * caches.l2 * cores) levels.push_back({"L3", caches.l3 / 2});
  const std::size_t wanted = std::max(256 * kMiB, 4 * caches.l3), free = available_memory();
  levels.push_back({"memory", free == 0 ? wanted : std::min(wanted, free / 3)});
  return levels;
}

PeakMeter::PeakMeter(const PeakSpec& spec) : spec_(spec), team_(std::max(1, spec.threads)) {
  if (counts_flops(spec.kind)) {
    const double flops = spec.kind == PeakKind::fma_f32 ? spec.loops->fma_f32_flops_per_step
                                                        : spec.loops->fma_f64_flops_per_step;
    work_per_run_ = flops * team_.size();
  } else {
    const auto per_array =
        static_cast<index_t>(spec.bytes / sizeof(float)) / (arrays_of(spec.kind) * team_.size());
    const index_t pieces = per_array / kPieceElements + 1;
    piece_ = std::max<index_t>(1, per_array / pieces / kPeakGranule) * kPeakGranule;
    elements_ = pieces * piece_;
    work_per_run_ =
        static_cast<double>(piece_) * sizeof(float) * accesses_of(spec.kind) * team_.size();
    // Each thread touches its own arrays first, so that they lie in its own NUMA node.
    arrays_.resize(static_cast<std::size_t>(team_.size()));
    std::atomic<bool> exhausted = false;
    team_.run([&](int worker) {
      auto& own = arrays_[static_cast<std::size_t>(worker)];
      try {
        int left = arrays_of(spec_.kind);
        for (auto* array : {&own.a, &own.b, &own.c}) {
          if (left-- == 0) break;
          *array = AlignedArray<float>(elements_);
          std::fill(array->begin(), array->end(), 1.0F);
        }
      } catch (const std::bad_alloc&) {
        exhausted = true;
      }
    });
    if (exhausted) throw std::bad_alloc();
  }

  // Double the burst until it can be timed, then stretch it to its length; in processor time, or on
  // a busy machine bursts would come out too short to measure anything.
  for (;;) {
    const double seconds = team_.run([&](int worker) { run_loop(worker); }).busy_seconds;
    if (seconds >= kBurstSeconds / 4) {
      const double stretch = kBurstSeconds / seconds;
      repeats_ =
          std::max<index_t>(1, static_cast<index_t>(static_cast<double>(repeats_) * stretch));
      return;
    }
    repeats_ *= 2;
  }
}

void PeakMeter::run_loop(int worker) {
  const PeakLoops& loops = *spec_.loops;
  if (spec_.kind == PeakKind::fma_f32) return sink(loops.fma_f32(repeats_));
  if (spec_.kind == PeakKind::fma_f64) return sink(loops.fma_f64(repeats_));

  auto& own = arrays_[static_cast<std::size_t>(worker)];
  double sum = 0;
  for (index_t i = 0; i < repeats_; ++i) {
    const index_t at = own.next;
    own.next = (at + piece_) % elements_;
    switch (spec_.kind) {
      case PeakKind::read:
        sum += static_cast<double>(loops.read(own.a.data() + at, piece_));
        break;
      case PeakKind::copy:
        loops.copy(own.a.data() + at, own.b.data() + at, piece_);
        break;
      case PeakKind::scale:  // a factor of 1 keeps the values what they are
        loops.scale(own.a.data() + at, 1.0F, piece_);
        break;
      case PeakKind::triad:
        loops.triad(own.a.data() + at, own.b.data() + at, own.c.data() + at, 0.5F, piece_);
        break;
      case PeakKind::axpy:  // and so does a factor of 0
        loops.axpy(own.a.data() + at, own.b.data() + at, 0.0F, piece_);
        break;
      case PeakKind::fma_f32:
      case PeakKind::fma_f64:
        break;
    }
  }
  sink(sum);
}

PeakReading PeakMeter::burst() {
  const auto run = team_.run([&](int worker) { run_loop(worker); });
  return {work_per_run_ * static_cast<double>(repeats_) / run.seconds, run.undisturbed};
}

PeakReading PeakMeter::measure() {
  const auto deadline = Clock::now() + kPatience;
  double best = 0;
  int good = 0;
  burst();  // back into the caches, and out of a sleeping clock
  while (good < 2) {
    const auto reading = burst();
    best = std::max(best, reading.per_second);
    good += reading.undisturbed;
    if (Clock::now() > deadline) break;
    if (!reading.undisturbed) {
      // Most often by a worker of the backend just measured, spinning before it goes to sleep.
      std::this_thread::sleep_for(2ms);
      burst();
    }
  }
  return {best, good > 0};
}

}  // namespace lamella::bench
