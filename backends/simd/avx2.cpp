// The SIMD kernels for x86-64 with AVX2 and FMA.
#define LAMELLA_SIMD_ARCH xsimd::fma3<xsimd::avx2>
#include "backends/simd/table.h"
#include "backends/simd/tables.h"

namespace lamella::backends {

// Panels of kc x 16 floats (32 KiB) stream from L2 or L1.
constinit const KernelTable<float> avx2_f32 = make_table<float>("avx2", {512, 96, 256});
constinit const KernelTable<double> avx2_f64 = make_table<double>("avx2", {256, 96, 128});

}  // namespace lamella::backends
