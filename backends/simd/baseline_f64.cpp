// The SIMD kernels for doubles: every x86-64 processor: SSE2, no fused multiply-add.
#include "backends/simd/baseline.h"

namespace lamella::backends {

constinit const KernelTable<double> baseline_f64 =
    make_table<double>("baseline", {256, 96, 128, 48, 12});

}  // namespace lamella::backends
