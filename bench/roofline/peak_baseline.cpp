// Peak loops in 16-byte vectors with multiply and add apart: what SSE2 can do.
#include "bench/roofline/peak_loops_impl.h"

namespace lamella::bench {
namespace {

// 14 chains and the constant fill 15 of SSE2's 16 registers. A multiply and an add in a row take 6
// to 8 cycles, two of each start per cycle on the widest machines: 12 chains at least. All
// multiplies stand before all adds; in pairs, the same chains stay short of the peak.
struct F32 {
  using element = float;
  typedef float vector __attribute__((vector_size(16), may_alias));
  static constexpr int kChains = 14;
  static constexpr double kFlops = 2;
  LAMELLA_BENCH_INLINE static vector even(vector x, vector) { return x * x; }
  LAMELLA_BENCH_INLINE static vector odd(vector x, vector c) { return x + c; }
};

struct F64 {
  using element = double;
  typedef double vector __attribute__((vector_size(16), may_alias));
  static constexpr int kChains = 14;
  static constexpr double kFlops = 2;
  LAMELLA_BENCH_INLINE static vector even(vector x, vector) { return x * x; }
  LAMELLA_BENCH_INLINE static vector odd(vector x, vector c) { return x + c; }
};

}  // namespace

constexpr PeakLoops peak_baseline = make_peak_loops<F32, F64>("baseline");

}  // namespace lamella::bench
