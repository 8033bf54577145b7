// Copies rows of A whose addresses collide in one L1 set to a padded buffer, one vector at a time,
// interleaved with the previous tile's multiply-adds.
#ifndef LAMELLA_BACKENDS_SIMD_ROW_COPY_H_
#define LAMELLA_BACKENDS_SIMD_ROW_COPY_H_

#include "backends/simd/batch.h"

namespace lamella::backends {
namespace {

/// The rows of one tile. Lines are prefetched before they are loaded: loads that wait for L3 would
/// hold up the multiply-adds behind them (docs/performance/log.md#copy-large-rows).
template <class T>
class RowCopy {
 public:
  RowCopy() = default;
  /// Copies `rows` rows of k elements. `steps` is the number of steps of the micro-kernel during
  /// which to copy: the vectors are spread over them evenly.
  RowCopy(const T* from, index from_stride, T* to, index to_stride, index rows, index k,
          index steps)
      : from_(from), to_(to), from_stride_(from_stride), to_stride_(to_stride), k_(k) {
    copied_.rows_left = fetched_.rows_left = rows;
    const index vectors = rows * ((k + kLanes<T> - 1) / kLanes<T>);
    steps_apart_ = steps > vectors ? steps / vectors : 1;
    for (int i = 0; i < kVectorsAhead; ++i) fetch_one();
  }
  index steps_apart() const { return steps_apart_; }

  LAMELLA_INLINE void copy_one() {
    if (copied_.rows_left == 0) return;
    const T* const source = from_ + copied_.done;
    T* const target = to_ + copied_.done;
    const index left = k_ - copied_.done;
    if (left >= kLanes<T>)
      store(target, load(source));
    else
      store_n(target, left, load_n(source, left));
    if (copied_.advance(k_)) {
      from_ += from_stride_;
      to_ += to_stride_;
    }
    fetch_one();
  }
  void copy_rest() {
    while (copied_.rows_left > 0) copy_one();
  }

 private:
  static constexpr int kVectorsAhead = 8;  // a few; the exact number does not matter

  struct Position {
    index rows_left = 0, done = 0;  // `done` elements of the first of them
    /// By one vector; whether a row ends.
    LAMELLA_INLINE bool advance(index k) {
      done += kLanes<T>;
      if (done < k) return false;
      done = 0;
      --rows_left;
      return true;
    }
  };

  LAMELLA_INLINE void fetch_one() {
    if (fetched_.rows_left == 0) return;
    const index rows_ahead = copied_.rows_left - fetched_.rows_left;
    __builtin_prefetch(from_ + rows_ahead * from_stride_ + fetched_.done, 0, 2);
    fetched_.advance(k_);
  }

  const T* from_ = nullptr;  // the row that is being copied
  T* to_ = nullptr;
  index from_stride_ = 0, to_stride_ = 0, k_ = 0;
  Position copied_, fetched_;
  index steps_apart_ = 1;
};

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_ROW_COPY_H_
