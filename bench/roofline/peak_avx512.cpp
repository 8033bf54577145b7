// Peak loops for AVX-512F; compiled with the flags for it.
#include <immintrin.h>

#include "bench/roofline/peak_loops_impl.h"

namespace lamella::bench {
namespace {

// Latency 4 times two a cycle asks for 8 chains. 14 although there are 32 registers: clang 14
// spills from 16 on.
struct F32 {
  using element = float;
  using vector = __m512;
  static constexpr int kChains = 14;
  static constexpr double kFlops = 4;
  LAMELLA_BENCH_INLINE static vector even(vector x, vector c) { return _mm512_fmadd_ps(x, x, c); }
  LAMELLA_BENCH_INLINE static vector odd(vector x, vector c) { return _mm512_fmadd_ps(x, x, c); }
};

struct F64 {
  using element = double;
  using vector = __m512d;
  static constexpr int kChains = 14;
  static constexpr double kFlops = 4;
  LAMELLA_BENCH_INLINE static vector even(vector x, vector c) { return _mm512_fmadd_pd(x, x, c); }
  LAMELLA_BENCH_INLINE static vector odd(vector x, vector c) { return _mm512_fmadd_pd(x, x, c); }
};

}  // namespace

constexpr PeakLoops peak_avx512 = make_peak_loops<F32, F64>("avx512");

}  // namespace lamella::bench
