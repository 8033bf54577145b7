// The SIMD kernels for x86-64 with AVX-512 F, CD, DQ, BW and VL.
#define LAMELLA_SIMD_ARCH xsimd::avx512bw
// 32 registers: 28 accumulators, two vectors of B; A is broadcast from memory.
#define LAMELLA_SIMD_TILE_ROWS 14
#define LAMELLA_SIMD_TILE_VECTORS 2
#define LAMELLA_SIMD_LOOP_ORDER LoopOrder::ir_jr
#define LAMELLA_SIMD_SMALL_K 12
// 20 sums, four vectors of B, one of A.
#define LAMELLA_SIMD_SMALL_M_ROWS 5
#define LAMELLA_SIMD_SMALL_M_COLUMNS 4
#include "backends/simd/table.h"
#include "backends/simd/tables.h"

namespace lamella::backends {

// Zen 5 (48 KiB of L1, 1 MiB of L2): squares liked kc between 512 and 768, and up to about 800 a
// product ran fastest with no cut at all. nc is a limit only: B is cut by the size of the L2
// (gemm_blocking.h).
//
// Dot products against packing W, 256 x 784: 16 rows 1.46 times as fast, 32 rows 1.15, 48
// rows 1.05; 16 x 256 x 128 1.2 times, 24 x 256 x 128 level, 20 x 256 x 100 0.8. Doubles: 48 x 256
// x 784 1.03 times, 24 x 256 x 128 1.15 (2 MiB of L2).
constinit const KernelTable<float> avx512_f32 = make_table<float>("avx512", {800, 0, 1024, 48, 6});
constinit const KernelTable<double> avx512_f64 = make_table<double>("avx512", {512, 0, 512, 48, 5});

}  // namespace lamella::backends
