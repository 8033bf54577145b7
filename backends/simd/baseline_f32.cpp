// The SIMD kernels for floats: every x86-64 processor: SSE2, no fused multiply-add.
#include "backends/simd/baseline.h"

namespace lamella::backends {

// Panels of kc x 8 floats (16 KiB) stay in a 32 KiB L1.
constinit const KernelTable<float> baseline_f32 =
    make_table<float>("baseline", {512, 96, 256, 48, 12});

}  // namespace lamella::backends
