// Peak loops for AVX2 and FMA; compiled with the flags for them.
#include <immintrin.h>

#include "bench/roofline/peak_loops_impl.h"

namespace lamella::bench {
namespace {

// Latency 4 (5 on Haswell's successors at worst) times two a cycle asks for 8 to 10 chains; 14 and
// the constant fit into 16 registers.
struct F32 {
  using element = float;
  using vector = __m256;
  static constexpr int kChains = 14;
  static constexpr double kFlops = 4;
  LAMELLA_BENCH_INLINE static vector even(vector x, vector c) { return _mm256_fmadd_ps(x, x, c); }
  LAMELLA_BENCH_INLINE static vector odd(vector x, vector c) { return _mm256_fmadd_ps(x, x, c); }
};

struct F64 {
  using element = double;
  using vector = __m256d;
  static constexpr int kChains = 14;
  static constexpr double kFlops = 4;
  LAMELLA_BENCH_INLINE static vector even(vector x, vector c) { return _mm256_fmadd_pd(x, x, c); }
  LAMELLA_BENCH_INLINE static vector odd(vector x, vector c) { return _mm256_fmadd_pd(x, x, c); }
};

}  // namespace

constexpr PeakLoops peak_avx2 = make_peak_loops<F32, F64>("avx2");

}  // namespace lamella::bench
