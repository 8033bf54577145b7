// The SIMD kernels for floats: x86-64 with AVX2 and FMA.
#include "backends/simd/avx2.h"

namespace lamella::backends {

// Panels of kc x 16 floats stream from L2, at no cost; what costs is the beginning and end of each
// tile, of which there are fewer with a larger kc. mc x kc elements are a third of a 512 KiB L2. A
// smaller nc costs large squares time (log: avx2-blocking).
constinit const KernelTable<float> avx2_f32 = make_table<float>("avx2", {800, 60, 1024, 48, 12});

}  // namespace lamella::backends
