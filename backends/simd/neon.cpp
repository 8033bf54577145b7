// The SIMD kernels for AArch64.
#define LAMELLA_SIMD_ARCH xsimd::neon64
// 32 registers of four floats: 24 accumulators, three vectors of B, broadcasts of A.
#define LAMELLA_SIMD_TILE_ROWS 8
#define LAMELLA_SIMD_TILE_VECTORS 3
#include "backends/simd/table.h"
#include "backends/simd/tables.h"

namespace lamella::backends {

// Not measured on hardware: sized like AVX2 for the same cache sizes.
constinit const KernelTable<float> neon_f32 = make_table<float>("neon", {512, 96, 240, 48, 12});
constinit const KernelTable<double> neon_f64 = make_table<double>("neon", {256, 96, 120, 48, 12});

}  // namespace lamella::backends
