// The loops whose speed is a machine's peak, one table of them per instruction set.
//
// Not here: threads, clocks and working sets (peak.h). This header is all of ours that an
// instruction-set unit sees; it holds no code, for the reasons in backends/kernel_table.h.
#ifndef LAMELLA_BENCH_ROOFLINE_PEAK_LOOPS_H_
#define LAMELLA_BENCH_ROOFLINE_PEAK_LOOPS_H_

#include <stddef.h>

namespace lamella::bench {

/// Elements in an array that a memory loop runs over are a multiple of this.
constexpr ptrdiff_t kPeakGranule = 128;

/// One instruction set's loops. The arrays of memory loops are 64-byte aligned.
struct PeakLoops {
  const char* isa;

  /// `steps` rounds of independent multiply-adds that never leave registers; the value keeps them
  /// alive.
  double (*fma_f32)(ptrdiff_t steps);
  double (*fma_f64)(ptrdiff_t steps);
  double fma_f32_flops_per_step;
  double fma_f64_flops_per_step;

  float (*read)(const float* a, ptrdiff_t n);                                     // Σ a
  void (*copy)(float* to, const float* from, ptrdiff_t n);                        // to ← from
  void (*scale)(float* a, float s, ptrdiff_t n);                                  // a ← s a
  void (*triad)(float* a, const float* b, const float* c, float s, ptrdiff_t n);  // a ← b + s c
  void (*axpy)(float* a, const float* b, float s, ptrdiff_t n);                   // a ← a + s b
};

#if defined(__x86_64__)
extern const PeakLoops peak_avx2;
extern const PeakLoops peak_avx512;
#elif defined(__aarch64__)
extern const PeakLoops peak_neon;
#endif
/// 16-byte vectors, multiply and add apart: SSE2 on x86-64, and there on every other machine too.
extern const PeakLoops peak_baseline;

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_ROOFLINE_PEAK_LOOPS_H_
