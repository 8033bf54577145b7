// What `lamella bench` measures: the operations of a training step at the shapes of a network, each
// against its peak (bench/roofline/ratio.h).
#ifndef LAMELLA_TOOLS_LAMELLA_MEASURE_BENCH_MEASURE_H_
#define LAMELLA_TOOLS_LAMELLA_MEASURE_BENCH_MEASURE_H_

#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>

namespace lamella::cli {

/// The element type of all operands.
enum class Precision { f32, f64 };

struct BenchPlan {
  std::vector<index_t> widths;  ///< of the layers, the inputs first; at least two
  index_t batch = 128;
  Precision precision = Precision::f32;
  double seconds = 0.2;  ///< of measuring each operation on each backend
};

/// One operation on one backend.
struct Measurement {
  std::string backend;    ///< its name
  double seconds = 0;     ///< of a call
  double flops = 0;       ///< of a call
  double bytes = 0;       ///< of a call: what must be read and written, once for each time
  std::string peak_of;    ///< "fma avx2", "copy avx2", ...
  double peak = 0;        ///< flops or bytes per second
  double ratio = 0;       ///< to the peak
  bool by_bytes = false;  ///< whether peak and ratio are about bytes, not flops
  bool quiet = true;      ///< whether other work left the measurement alone

  double rate() const { return (by_bytes ? bytes : flops) / seconds; }
};

/// An operation on every backend that was asked for.
struct Row {
  std::string operation;  ///< "forward", "weight gradient", ..., "step"
  std::string shape;      ///< "128x512x784": as docs/performance/methodology.md has it
  std::vector<Measurement> measured;
};

/// A peak of the machine on the threads of a backend.
struct MachinePeak {
  std::string name;  ///< "fma avx2", "triad L2"
  bool by_bytes = false;
  double per_second = 0;
};

/// Measures operation by operation, on all backends before the next.
std::vector<Row> measure_rows(const std::vector<std::shared_ptr<const Backend>>& backends,
                              const BenchPlan& plan);

/// Multiply-adds, and a ← b + s c in each level of memory, with the vectors and threads of that
/// backend.
std::vector<MachinePeak> measure_peaks(const std::shared_ptr<const Backend>& backend,
                                       Precision precision);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_MEASURE_BENCH_MEASURE_H_
