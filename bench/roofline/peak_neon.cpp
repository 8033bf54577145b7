// Peak loops for AArch64's NEON.
#include <arm_neon.h>

#include "bench/roofline/peak_loops_impl.h"

namespace lamella::bench {
namespace {

// FMLA adds into its destination, so x² + c would need a move beside each; x ± c² toggles as many
// bits of the sum without one. Latency 4 times four a cycle on the widest cores: 16 chains at
// least; 20 and the constants fit into 32 registers.
struct F32 {
  using element = float;
  using vector = float32x4_t;
  static constexpr int kChains = 20;
  static constexpr double kFlops = 4;
  LAMELLA_BENCH_INLINE static vector even(vector x, vector c) { return vfmaq_f32(x, c, c); }
  LAMELLA_BENCH_INLINE static vector odd(vector x, vector c) { return vfmsq_f32(x, c, c); }
};

struct F64 {
  using element = double;
  using vector = float64x2_t;
  static constexpr int kChains = 20;
  static constexpr double kFlops = 4;
  LAMELLA_BENCH_INLINE static vector even(vector x, vector c) { return vfmaq_f64(x, c, c); }
  LAMELLA_BENCH_INLINE static vector odd(vector x, vector c) { return vfmsq_f64(x, c, c); }
};

}  // namespace

constexpr PeakLoops peak_neon = make_peak_loops<F32, F64>("neon");

}  // namespace lamella::bench
