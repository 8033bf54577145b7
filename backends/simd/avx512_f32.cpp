// The SIMD kernels for floats: x86-64 with AVX-512 F, CD, DQ, BW and VL.
#include "backends/simd/avx512.h"

namespace lamella::backends {

// Squares run best with kc between 512 and 768, and up to about 800 a product runs fastest with no
// cut at all. nc is a limit only: B is cut by the size of the L2 (driver/gemm_blocking.h). Up to 48
// rows, dot products are faster than packing W if k is large (log: avx512-blocking).
constinit const KernelTable<float> avx512_f32 = make_table<float>("avx512", {800, 0, 1024, 48, 6});

}  // namespace lamella::backends
