// The overlap test of views, against an enumeration of every byte.
#include "core/base/footprint.h"

#include <random>
#include <set>
#include <vector>

#include "tests/catch.h"

namespace lamella::test {
namespace {

std::set<std::uintptr_t> bytes_of(const UntypedView& v) {
  std::set<std::uintptr_t> bytes;
  for (index_t i = 0; i < v.rows; ++i)
    for (index_t j = 0; j < v.cols; ++j) {
      const auto at =
          reinterpret_cast<std::uintptr_t>(v.data) +
          static_cast<std::uintptr_t>((i * v.row_stride + j * v.col_stride) * v.element_size);
      for (index_t b = 0; b < v.element_size; ++b)
        bytes.insert(at + static_cast<std::uintptr_t>(b));
    }
  return bytes;
}

bool share_a_byte(const UntypedView& a, const UntypedView& b) {
  const auto in_a = bytes_of(a);
  for (const std::uintptr_t byte : bytes_of(b))
    if (in_a.count(byte) != 0) return true;
  return false;
}

// Random numbers in [from, to].
class Random {
 public:
  index_t operator()(index_t from, index_t to) {
    return from + static_cast<index_t>(bits_() % static_cast<std::uint64_t>(to - from + 1));
  }

 private:
  std::mt19937_64 bits_{1};
};

TEST_CASE("blocks of one matrix overlap exactly if they share an element", "[checks]") {
  std::vector<double> memory(12 * 16);
  const View<double> whole = row_major(memory.data(), 12, 16);
  Random random;
  const auto random_block = [&] {
    const index_t row = random(0, 11);
    const index_t col = random(0, 15);
    View<double> v = block(whole, row, col, random(1, 12 - row), random(1, 16 - col));
    if (random(0, 1) == 1) v = transposed(v);
    return untyped(v);
  };
  int overlapping = 0;
  int rounds = 3000;
  for (int round = 0; round < rounds; ++round) {
    const UntypedView a = random_block();
    const UntypedView b = random_block();
    const bool wanted = share_a_byte(a, b);
    INFO(a.rows << " x " << a.cols << " at " << a.data << ", " << b.rows << " x " << b.cols
                << " at " << b.data);
    CHECK(overlap(*footprint(a), *footprint(b)) == wanted);
    CHECK(overlap(*footprint(b), *footprint(a)) == wanted);
    overlapping += wanted ? 1 : 0;
  }
  CHECK(overlapping > rounds / 10);
  CHECK(overlapping < rounds * 9 / 10);
}

TEST_CASE("no overlap of any two views goes unnoticed", "[checks]") {
  std::vector<char> memory(4000);
  Random random;
  int noticed = 0;
  for (int round = 0; round < 3000; ++round) {
    const auto random_view = [&] {
      const index_t size = random(0, 1) == 0 ? 4 : 8;
      return UntypedView{memory.data() + size * random(0, 40),
                         random(0, 5),
                         random(0, 5),
                         random(0, 14),
                         random(0, 9),
                         size};
    };
    const UntypedView a = random_view();
    const UntypedView b = random_view();
    if (!share_a_byte(a, b)) continue;
    ++noticed;
    INFO(a.rows << " x " << a.cols << " strides " << a.row_stride << ", " << a.col_stride << "; "
                << b.rows << " x " << b.cols << " strides " << b.row_stride << ", "
                << b.col_stride);
    CHECK(overlap(*footprint(a), *footprint(b)));
  }
  CHECK(noticed > 300);
}

TEST_CASE("views that pass as free of collisions are", "[checks]") {
  std::vector<char> memory(4000);
  Random random;
  int distinct = 0;
  for (int round = 0; round < 3000; ++round) {
    const UntypedView v{memory.data(),  random(1, 5),   random(1, 5),
                        random(-1, 12), random(-1, 12), 1};
    if (!elements_are_distinct(v)) continue;
    ++distinct;
    INFO(v.rows << " x " << v.cols << " strides " << v.row_stride << ", " << v.col_stride);
    CHECK(bytes_of(v).size() == static_cast<std::size_t>(v.rows * v.cols));
  }
  CHECK(distinct > 300);
}

}  // namespace
}  // namespace lamella::test
