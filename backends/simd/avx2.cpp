// The SIMD kernels for x86-64 with AVX2 and FMA.
#define LAMELLA_SIMD_ARCH xsimd::fma3<xsimd::avx2>
#include "backends/simd/table.h"
#include "backends/simd/tables.h"

namespace lamella::backends {

// Panels of kc x 16 floats (32 KiB) stream from L2 or L1; kc of 400 to 800 and mc of 48 to 192 are
// within the noise of each other, nc below 512 costs the large squares 2 to 5 % (Zen 3).
constinit const KernelTable<float> avx2_f32 = make_table<float>("avx2", {512, 96, 1024});
constinit const KernelTable<double> avx2_f64 = make_table<double>("avx2", {256, 96, 512});

}  // namespace lamella::backends
