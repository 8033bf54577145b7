// The SIMD kernels for doubles: x86-64 with AVX-512 F, CD, DQ, BW and VL.
#include "backends/simd/avx512.h"

namespace lamella::backends {

// Chosen as for floats (avx512_f32.cpp).
constinit const KernelTable<double> avx512_f64 = make_table<double>("avx512", {512, 0, 512, 48, 5});

}  // namespace lamella::backends
