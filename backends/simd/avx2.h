// The instruction set of the units avx2_f32.cpp and avx2_f64.cpp: x86-64 with AVX2 and FMA.
#ifndef LAMELLA_BACKENDS_SIMD_AVX2_H_
#define LAMELLA_BACKENDS_SIMD_AVX2_H_

#define LAMELLA_SIMD_ARCH xsimd::fma3<xsimd::avx2>

#include "backends/simd/table.h"
#include "backends/simd/tables.h"

#endif  // LAMELLA_BACKENDS_SIMD_AVX2_H_
