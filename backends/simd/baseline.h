// The instruction set of the units baseline_f32.cpp and baseline_f64.cpp: every x86-64 processor:
// SSE2, no fused multiply-add.
#ifndef LAMELLA_BACKENDS_SIMD_BASELINE_H_
#define LAMELLA_BACKENDS_SIMD_BASELINE_H_

#define LAMELLA_SIMD_ARCH xsimd::sse2

#include "backends/simd/table.h"
#include "backends/simd/tables.h"

#endif  // LAMELLA_BACKENDS_SIMD_BASELINE_H_
