// The lists of shapes.h, drawn with fixed seeds.
#include "tools/conformance/shapes.h"

#include "tools/conformance/operand.h"

namespace lamella::conformance {
namespace {

/// A size from `choices` that is at most `limit`; the smallest choices are 0 and 1.
index_t pick_at_most(Random& random, const std::vector<index_t>& choices, index_t limit) {
  for (;;)
    if (const index_t size = pick(random, choices); size <= limit) return size;
}

index_t quotient(index_t volume, index_t divisor) {
  return divisor == 0 ? volume : volume / divisor;
}

}  // namespace

const std::vector<index_t>& small_sizes() {
  static const std::vector<index_t> sizes = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                             10, 11, 12, 13, 14, 15, 16, 17, 24, 25,
                                             31, 32, 33, 47, 48, 49, 63, 64, 65};
  return sizes;
}

const std::vector<index_t>& edge_sizes() {
  static const std::vector<index_t> sizes = [] {
    std::vector<index_t> all = small_sizes();
    for (index_t block : {96, 100, 128, 192, 256, 384, 512, 768, 784, 1024})
      for (index_t size : {block - 1, block, block + 1}) all.push_back(size);
    return all;
  }();
  return sizes;
}

std::vector<GemmShape> gemm_shapes(index_t volume) {
  Random random(20240601);
  std::vector<GemmShape> shapes;
  std::size_t turn = 0;
  for (index_t m : small_sizes())
    for (index_t n : small_sizes()) {
      index_t k = edge_sizes()[turn++ % edge_sizes().size()];
      if (m * n * k > volume) k = pick_at_most(random, edge_sizes(), quotient(volume, m * n));
      shapes.push_back({m, n, k});
    }
  for (index_t size : edge_sizes())
    for (int place = 0; place < 3; ++place)
      for (int repeat = 0; repeat < 3; ++repeat) {
        const index_t second = pick_at_most(random, edge_sizes(), quotient(volume, size));
        const index_t third = pick_at_most(random, edge_sizes(), quotient(volume, size * second));
        if (place == 0) shapes.push_back({size, second, third});
        if (place == 1) shapes.push_back({third, size, second});
        if (place == 2) shapes.push_back({second, third, size});
      }
  return shapes;
}

std::vector<Shape> matrix_shapes(index_t volume) {
  Random random(20240602);
  std::vector<Shape> shapes;
  for (index_t rows : small_sizes())
    for (index_t cols : small_sizes()) shapes.push_back({rows, cols});
  for (index_t size : edge_sizes()) {
    const index_t other = pick_at_most(random, edge_sizes(), quotient(volume, size));
    shapes.push_back({size, other});
    shapes.push_back({other, size});
  }
  return shapes;
}

}  // namespace lamella::conformance
