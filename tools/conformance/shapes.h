// Matrix shapes worth testing: the sizes around which kernels change what they do.
#ifndef LAMELLA_TOOLS_CONFORMANCE_SHAPES_H_
#define LAMELLA_TOOLS_CONFORMANCE_SHAPES_H_

#include <string>
#include <vector>

#include <lamella/view.h>

namespace lamella::conformance {

struct Shape {
  index_t rows, cols;
};
struct GemmShape {
  index_t m, n, k;
};

inline std::string describe(const Shape& s) {
  return std::to_string(s.rows) + "x" + std::to_string(s.cols);
}
inline std::string describe(const GemmShape& s) {
  return "m=" + std::to_string(s.m) + " n=" + std::to_string(s.n) + " k=" + std::to_string(s.k);
}

/// Every size up to two vector registers and one to either side of each micro-tile.
const std::vector<index_t>& small_sizes();
/// small_sizes and one to either side of each plausible block size, up to 1025.
const std::vector<index_t>& edge_sizes();

/// All pairs of small sizes for (m, n), with k going round the edge sizes; and each edge size as m,
/// as n and as k, with the others drawn at random so that m n k <= volume. The same list each time.
std::vector<GemmShape> gemm_shapes(index_t volume);

/// All pairs of small sizes, and each edge size as rows and as cols with elements <= volume.
std::vector<Shape> matrix_shapes(index_t volume);

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_SHAPES_H_
