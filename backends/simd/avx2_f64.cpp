// The SIMD kernels for doubles: x86-64 with AVX2 and FMA.
#include "backends/simd/avx2.h"

namespace lamella::backends {

// kc elements take as many bytes as in avx2_f32.cpp.
constinit const KernelTable<double> avx2_f64 = make_table<double>("avx2", {400, 48, 1024, 48, 12});

}  // namespace lamella::backends
