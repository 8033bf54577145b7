// The SIMD kernels for every x86-64 processor: SSE2, no fused multiply-add.
#define LAMELLA_SIMD_ARCH xsimd::sse2
#include "backends/simd/table.h"
#include "backends/simd/tables.h"

namespace lamella::backends {

// Panels of kc x 8 floats (16 KiB) stay in a 32 KiB L1.
constinit const KernelTable<float> baseline_f32 =
    make_table<float>("baseline", {512, 96, 256, 48, 12});
constinit const KernelTable<double> baseline_f64 =
    make_table<double>("baseline", {256, 96, 128, 48, 12});

}  // namespace lamella::backends
