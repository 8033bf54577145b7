// The SIMD kernels for x86-64 with AVX2 and FMA.
#define LAMELLA_SIMD_ARCH xsimd::fma3<xsimd::avx2>
#include "backends/simd/table.h"
#include "backends/simd/tables.h"

namespace lamella::backends {

// Panels of kc x 16 floats stream from L2, at no cost; what costs is each tile's beginning and end.
// kc = 800 instead of 512: 128x512x784 from 91.5 to 93.5 %, 32x256x784 from 93 to 95.5 %. mc x kc
// elements are a third of a 512 KiB L2. Doubles: 32x256x784 from 85 to 88, 1024³ from 80 to 85.
// nc below 512 costs the large squares 2 to 5 % (Zen 3).
constinit const KernelTable<float> avx2_f32 = make_table<float>("avx2", {800, 60, 1024, 48, 12});
constinit const KernelTable<double> avx2_f64 = make_table<double>("avx2", {400, 48, 1024, 48, 12});

}  // namespace lamella::backends
