// The instruction set of the units avx512_f32.cpp and avx512_f64.cpp: x86-64 with AVX-512 F, CD,
// DQ, BW and VL.
#ifndef LAMELLA_BACKENDS_SIMD_AVX512_H_
#define LAMELLA_BACKENDS_SIMD_AVX512_H_

#define LAMELLA_SIMD_ARCH xsimd::avx512bw
// 32 registers: 28 accumulators, two vectors of B; A is broadcast from memory.
#define LAMELLA_SIMD_TILE_ROWS 14
#define LAMELLA_SIMD_TILE_VECTORS 2
#define LAMELLA_SIMD_LOOP_ORDER LoopOrder::ir_jr
#define LAMELLA_SIMD_SMALL_K 12
// 20 sums, four vectors of B, one of A.
#define LAMELLA_SIMD_SMALL_M_ROWS 5
#define LAMELLA_SIMD_SMALL_M_COLUMNS 4

#include "backends/simd/table.h"
#include "backends/simd/tables.h"

#endif  // LAMELLA_BACKENDS_SIMD_AVX512_H_
