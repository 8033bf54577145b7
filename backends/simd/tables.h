// Declares the constants that the per-ISA units export, one each. Plain data: naming one runs no
// code of its unit.
#ifndef LAMELLA_BACKENDS_SIMD_TABLES_H_
#define LAMELLA_BACKENDS_SIMD_TABLES_H_

#include "backends/kernel_table.h"

namespace lamella::backends {

extern const KernelTable<float> baseline_f32, avx2_f32, avx512_f32, neon_f32;
extern const KernelTable<double> baseline_f64, avx2_f64, avx512_f64, neon_f64;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_TABLES_H_
