// The instruction set of the units neon_f32.cpp and neon_f64.cpp: AArch64.
#ifndef LAMELLA_BACKENDS_SIMD_NEON_H_
#define LAMELLA_BACKENDS_SIMD_NEON_H_

#define LAMELLA_SIMD_ARCH xsimd::neon64
// 32 registers of four floats: 24 accumulators, three vectors of B, broadcasts of A.
#define LAMELLA_SIMD_TILE_ROWS 8
#define LAMELLA_SIMD_TILE_VECTORS 3

#include "backends/simd/table.h"
#include "backends/simd/tables.h"

#endif  // LAMELLA_BACKENDS_SIMD_NEON_H_
