// Peaks: what the machine can do at this moment, measured with the loops of peak_loops.h.
//
// A clock that drifts makes absolute figures incomparable, so a benchmark does not divide by a peak
// from the start of the process: it holds a PeakMeter and reads it right before and right after its
// own runs.
#ifndef LAMELLA_BENCH_ROOFLINE_PEAK_H_
#define LAMELLA_BENCH_ROOFLINE_PEAK_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <lamella/matrix.h>

#include "bench/roofline/peak_loops.h"
#include "bench/roofline/pinned_team.h"

namespace lamella::bench {

/// Multiply-adds in registers, or a pattern of memory traffic.
enum class PeakKind { fma_f32, fma_f64, read, copy, scale, triad, axpy };

const char* name_of(PeakKind kind);
constexpr bool counts_flops(PeakKind kind) {
  return kind == PeakKind::fma_f32 || kind == PeakKind::fma_f64;
}

template <class T>
constexpr PeakKind fma_peak = sizeof(T) == 4 ? PeakKind::fma_f32 : PeakKind::fma_f64;

/// What to measure: which loop, of which instruction set, on how many threads, over how many bytes.
struct PeakSpec {
  PeakKind kind = PeakKind::fma_f32;
  const PeakLoops* loops = nullptr;
  int threads = 1;
  /// Memory loops only: bytes in all arrays of all threads together (at least 512 per array). The
  /// level of cache they fit in decides the peak.
  std::size_t bytes = 0;
};

/// Loops of every instruction set that is compiled in and usable here, slowest first. Never empty.
std::vector<const PeakLoops*> usable_peak_loops();

/// The loops for a backend whose info().isa is `isa`: those of that name; the slowest for "scalar";
/// for a name lamella does not know (a plugin's own), the fastest.
const PeakLoops* peak_loops_for(const std::string& isa);

/// A level of memory, and the bytes in all arrays of all threads that fit it and no faster one.
struct MemoryLevel {
  const char* name;  ///< "L1", "L2", "L3", "memory"
  std::size_t bytes;
};
/// Half of each level of cache that is known; and memory: 256 MiB or four times the last level,
/// whichever is more, but at most a third of what is free.
std::vector<MemoryLevel> memory_levels(int threads);

/// A peak at some moment: flops or bytes per second, summed over the threads. Bytes are counted as
/// the loop names them (copy: one read, one written), without what caches add to it.
struct PeakReading {
  double per_second = 0;
  bool undisturbed = false;  ///< false: it may be too low, other work had the processors
};

/// Measures one peak again and again.
class PeakMeter {
 public:
  /// Allocates the arrays and starts the threads. Throws std::bad_alloc or std::system_error.
  explicit PeakMeter(const PeakSpec& spec);

  /// The peak now. Takes bursts of about 1 ms until two were undisturbed by other work on their
  /// processors, at most for 40 ms, and gives the best.
  PeakReading measure();

 private:
  PeakReading burst();
  void run_loop(int worker);

  PeakSpec spec_;
  PinnedTeam team_;
  // Arrays longer than a burst can pass over are taken piece by piece, round and round.
  struct Arrays {
    AlignedArray<float> a, b, c;
    index_t next = 0;  // element where the next piece begins
  };
  std::vector<Arrays> arrays_;
  index_t elements_ = 0;     // per array
  index_t piece_ = 0;        // elements of an array in a piece; divides elements_
  double work_per_run_ = 0;  // flops or bytes of repeats_ == 1, all threads
  index_t repeats_ = 1;      // steps or pieces in a burst
};

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_ROOFLINE_PEAK_H_
