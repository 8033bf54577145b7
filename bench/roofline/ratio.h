// How a piece of work is timed in stretches, and set against its roof, moment by moment.
//
// Not here: how a roof is measured (roof.h), and who reports it (measure.h for Google Benchmark).
#ifndef LAMELLA_BENCH_ROOFLINE_RATIO_H_
#define LAMELLA_BENCH_ROOFLINE_RATIO_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "bench/roofline/machine.h"
#include "bench/roofline/roof.h"

namespace lamella::bench {

/// A backend under measurement.
struct BackendUnderTest {
  std::shared_ptr<const Backend> backend;
  const RoofLoops* loops = nullptr;  ///< of the backend's instruction set
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

/// How a run stands to its roof, collected moment by moment.
///
/// Works in stretches: one reading of the roof before each and after each, so that the clock of
/// the moment is in both numbers. What counts is the median over the stretches in which neither
/// was disturbed; where there are fewer than three of these, the median speed against the best
/// reading, so that a busy machine never makes a kernel look better.
class RoofRatio {
 public:
  RoofRatio(const BackendUnderTest& subject, RoofKind kind, double working_set_bytes);

  /// A stretch has ended that did `work` (flops or bytes, as the roof counts) in `seconds`, while
  /// the calling thread had its processor for `busy_seconds`.
  void add(double work, double seconds, double busy_seconds);

  struct Summary {
    double ratio = 0;       ///< to the roof
    double per_second = 0;  ///< flops or bytes: median over the stretches
    double roof = 0;        ///< flops or bytes per second: median of the readings
    int threads = 0;        ///< most threads of the backend, and the threads of the roof
    bool quiet = false;     ///< whether enough stretches were undisturbed
  };
  /// Of the stretches so far; there must be one.
  Summary summary() const;
  /// "roof: copy avx2, GB/s"
  std::string label() const;

 private:
  RoofKind kind_;
  std::string loops_;
  int threads_;
  RoofMeter meter_;
  RoofReading before_;
  std::vector<double> speeds_, roofs_;
  std::vector<double> undisturbed_ratios_;
};

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_ROOFLINE_RATIO_H_
