// How a piece of work is timed in stretches, and set against its peak, moment by moment.
//
// Not here: how a peak is measured (peak.h), and how results are reported (measure.h).
#ifndef LAMELLA_BENCH_ROOFLINE_RATIO_H_
#define LAMELLA_BENCH_ROOFLINE_RATIO_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "bench/roofline/machine.h"
#include "bench/roofline/peak.h"

namespace lamella::bench {

/// A backend under measurement.
struct BackendUnderTest {
  std::shared_ptr<const Backend> backend;
  const PeakLoops* loops = nullptr;  ///< of the backend's instruction set
  PinPolicy pin;

  /// `pin`, if the backend uses one thread; no pinning otherwise.
  PinPolicy pin_of_caller() const;
};

/// Calls that fill a stretch of about 10 ms, found by trying.
std::int64_t calls_per_stretch(const std::function<void()>& call);

/// Wall clock of `calls` calls, and processor time of the calling thread in them.
struct Stretch {
  double seconds = 0;
  double busy_seconds = 0;
};
Stretch time_stretch(std::int64_t calls, const std::function<void()>& call);

/// How a run stands to its peak, collected moment by moment.
///
/// Works in stretches: one reading of the peak before each and after each, so that the clock of
/// the moment is in both numbers. What counts is the median over the stretches in which neither
/// was disturbed; where there are fewer than three of these, the median speed against the best
/// reading, so that a busy machine never makes a kernel look better.
class PeakRatio {
 public:
  PeakRatio(const BackendUnderTest& subject, PeakKind kind, double working_set_bytes);

  /// A stretch has ended that did `work` (flops or bytes, as the peak counts) in `seconds`, while
  /// the calling thread had its processor for `busy_seconds`.
  void add(double work, double seconds, double busy_seconds);

  struct Summary {
    double ratio = 0;       ///< to the peak
    double per_second = 0;  ///< flops or bytes: median over the stretches
    double peak = 0;        ///< flops or bytes per second: median of the readings
    int threads = 0;        ///< most threads of the backend, and the threads of the peak
    bool quiet = false;     ///< whether enough stretches were undisturbed
  };
  /// Of the stretches so far; there must be one.
  Summary summary() const;
  /// "peak: copy avx2, GB/s"
  std::string label() const;

 private:
  PeakKind kind_;
  std::string loops_;
  int threads_;
  PeakMeter meter_;
  PeakReading before_;
  std::vector<double> speeds_, peaks_;
  std::vector<double> undisturbed_ratios_;
};

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_ROOFLINE_RATIO_H_
