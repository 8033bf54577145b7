// The SIMD kernels for floats: AArch64.
#include "backends/simd/neon.h"

namespace lamella::backends {

// Not measured on hardware: sized like AVX2 for the same cache sizes.
constinit const KernelTable<float> neon_f32 = make_table<float>("neon", {512, 96, 240, 48, 12});

}  // namespace lamella::backends
