// Says which tables this archive holds. Compiled for the baseline: asking must be safe on every
// machine.
#include "backends/driver_backend.h"
#include "backends/scalar/scalar_table.h"
#include "backends/simd/tables.h"

namespace lamella::backends {

KernelTables scalar_tables() { return {&scalar_f32, &scalar_f64}; }

#if defined(__x86_64__)
KernelTables baseline_tables() { return {&baseline_f32, &baseline_f64}; }
KernelTables avx2_tables() { return {&avx2_f32, &avx2_f64}; }
KernelTables avx512_tables() { return {&avx512_f32, &avx512_f64}; }
#else
KernelTables baseline_tables() { return {}; }
KernelTables avx2_tables() { return {}; }
KernelTables avx512_tables() { return {}; }
#endif

#if defined(__aarch64__)
KernelTables neon_tables() { return {&neon_f32, &neon_f64}; }
#else
KernelTables neon_tables() { return {}; }
#endif

}  // namespace lamella::backends
