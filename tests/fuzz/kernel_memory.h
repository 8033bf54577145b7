// Operands of a kernel call as an input describes them: shapes, strides, where they lie, what they
// hold, and what is expected in them after the call.
#ifndef LAMELLA_TESTS_FUZZ_KERNEL_MEMORY_H_
#define LAMELLA_TESTS_FUZZ_KERNEL_MEMORY_H_

#include <cmath>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <lamella/view.h>

#include "tests/fuzz/fuzz.h"
#include "tools/conformance/compare.h"

namespace lamella::fuzz {

/// A size around the ones where kernels change what they do; 0 is one of them.
inline index_t size(Bytes& bytes) {
  constexpr index_t kLarge[] = {100, 127, 128, 129, 192, 200, 255, 256, 257, 300};
  const std::uint8_t byte = bytes.take();
  if (byte < 160) return byte % 20;
  return byte < 240 ? byte - 144 : kLarge[byte % std::size(kLarge)];
}

/// What operands hold: real numbers in [-1, 1), or small whole numbers, or also NaN and infinities.
enum class Values : std::uint8_t { real, whole, special };

/// The memory of one call's operands, and after the call the comparison with what is expected.
///
/// Either each operand has an allocation of exactly its extent, so that the address sanitizer sees
/// every access outside of it; or all share one block, at places that may overlap. Elements that
/// are part of no operand are NaN: a kernel that read one would spoil its result.
template <class T>
class Memory {
 public:
  Memory(Bytes& bytes, bool with_specials)
      : bytes_(bytes),
        shared_(bytes.take() % 4 == 0),
        values_(static_cast<Values>(bytes.below(with_specials ? 3 : 2))),
        random_(bytes.take() * 2654435761U + 1) {
    if (shared_) allocate(kShared);
  }

  bool has_specials() const { return values_ == Values::special; }

  /// A number like those that operands hold.
  T value() {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    const auto bits = static_cast<std::uint32_t>(random_ >> 33);
    if (values_ == Values::real) return static_cast<T>(bits) / T{1073741824} - T{1};
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    if (values_ == Values::special && bits % 64 == 0)
      return bits % 192 == 0 ? kInfinity : bits % 192 == 64 ? -kInfinity : kNan;
    return static_cast<T>(static_cast<int>(bits / 64 % 7) - 3);
  }

  /// A rows x cols operand filled with values; strides and place are taken from the input. Strides
  /// may be such as no kernel accepts.
  View<T> matrix(index_t rows, index_t cols) {
    View<T> v{nullptr, rows, cols, 0, 0};
    const index_t padding = static_cast<index_t>(bytes_.below(4));
    switch (bytes_.below(8)) {
      case 0:
      case 1:
      case 2:
        v.row_stride = cols + padding, v.col_stride = 1;
        break;
      case 3:
      case 4:
        v.row_stride = 1, v.col_stride = rows + padding;
        break;
      case 5:
        v.col_stride = 2, v.row_stride = 2 * cols + padding;
        break;
      case 6:  // repeats a row, a column or one element
        v.row_stride = padding == 0 ? cols : 0, v.col_stride = padding == 1 ? 1 : 0;
        break;
      default:
        v.row_stride = any_stride();
        v.col_stride = any_stride();
    }
    v.data = place(v);
    for (index_t i = 0; i < rows && usable(v); ++i)
      for (index_t j = 0; j < cols; ++j) v(i, j) = value();
    return v;
  }
  VectorView<T> vector(index_t entries) { return row(matrix(1, entries), 0); }
  /// Whether the operand has memory for all of its elements, which a call must refuse otherwise.
  static bool usable(const View<T>& v) {
    return !v.empty() && (v.rows == 1 || v.row_stride >= 0) && (v.cols == 1 || v.col_stride >= 0);
  }
  /// `other`, or an operand of the same shape.
  View<T> same_or_new(View<T> other) {
    return bytes_.flag() ? other : matrix(other.rows, other.cols);
  }

  /// Ends the preparation: restore() comes back to this content.
  void remember() {
    for (Block& block : blocks_) {
      block.initial.assign(block.data.get(), block.data.get() + block.size);
      block.want.assign(block.size, 0);
      block.bound.assign(block.size, kUntouched);
    }
  }
  void restore() {
    for (Block& block : blocks_) std::ranges::copy(block.initial, block.data.get());
  }
  /// An element that the call writes, what is expected there and how far off it may be.
  void expect(const T* element, long double want, long double bound) {
    for (Block& block : blocks_) {
      const std::less<const T*> before;
      if (before(element, block.data.get()) || !before(element, block.data.get() + block.size))
        continue;
      const auto at = static_cast<std::size_t>(element - block.data.get());
      block.want[at] = want;
      block.bound[at] = bound;
    }
  }
  template <class X>
  void expect(View<T> v, const std::vector<X>& want, const std::vector<X>& bound) {
    std::size_t at = 0;
    for (index_t i = 0; i < v.rows; ++i)
      for (index_t j = 0; j < v.cols; ++j, ++at) expect(&v(i, j), want[at], bound[at]);
  }
  /// Empty, or how the content differs from what is expected; what was not expected to be written
  /// must be as it was.
  std::string problem() const {
    for (const Block& block : blocks_)
      for (std::size_t at = 0; at < block.size; ++at) {
        const T got = block.data[at];
        const auto text = [&](long double want) {
          std::ostringstream out;
          out.precision(std::numeric_limits<T>::max_digits10);
          out << "element " << at << " is " << got << ", expected " << want << " within "
              << block.bound[at];
          return out.str();
        };
        if (block.bound[at] < 0) {
          if (!conformance::same_bits(got, block.initial[at]))
            return "not to be written: " + text(block.initial[at]);
          continue;
        }
        const long double wide = got, want = block.want[at];
        if (!conformance::same_value(wide, want) && !(std::abs(wide - want) <= block.bound[at]))
          return text(want);
      }
    return "";
  }
  std::vector<T> content() const {
    std::vector<T> all;
    for (const Block& block : blocks_)
      all.insert(all.end(), block.data.get(), block.data.get() + block.size);
    return all;
  }

 private:
  static constexpr std::size_t kShared = 4096;
  static constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  static constexpr long double kUntouched = -1;

  struct Block {
    std::unique_ptr<T[]> data;
    std::size_t size;
    std::vector<T> initial;
    std::vector<long double> want, bound;
  };

  /// A byte as a stride of either sign.
  index_t any_stride() {
    const index_t byte = bytes_.take();
    return byte < 128 ? byte : byte - 256;
  }

  T* allocate(std::size_t elements) {
    blocks_.push_back({std::make_unique<T[]>(elements), elements, {}, {}, {}});
    T* const data = blocks_.back().data.get();
    std::fill_n(data, elements, kNan);
    return data;
  }
  T* place(const View<T>& v) {
    if (!usable(v)) return allocate(1);  // a call that does not refuse it reads outside
    index_t extent = 1;
    if (v.rows > 1) extent += (v.rows - 1) * v.row_stride;
    if (v.cols > 1) extent += (v.cols - 1) * v.col_stride;
    const std::size_t gap = bytes_.take();
    const auto elements = static_cast<std::size_t>(extent);
    if (!shared_) return allocate(elements + gap % 2) + gap % 2;  // aligned to an element, not more
    // Behind the operand before, or anywhere.
    const std::size_t start = gap % 2 == 0 ? used_ : gap * 3;
    if (start + elements > kShared) return allocate(elements);
    used_ = std::max(used_, start + elements);
    return blocks_.front().data.get() + start;
  }

  Bytes& bytes_;
  bool shared_;
  Values values_;
  std::uint64_t random_;
  std::size_t used_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace lamella::fuzz

#endif  // LAMELLA_TESTS_FUZZ_KERNEL_MEMORY_H_
