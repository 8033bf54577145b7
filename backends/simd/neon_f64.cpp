// The SIMD kernels for doubles: AArch64.
#include "backends/simd/neon.h"

namespace lamella::backends {

// Not measured on hardware: sized like AVX2 for the same cache sizes.
constinit const KernelTable<double> neon_f64 = make_table<double>("neon", {256, 96, 120, 48, 12});

}  // namespace lamella::backends
