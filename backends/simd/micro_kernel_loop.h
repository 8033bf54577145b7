// The innermost loop of a product: the multiply-adds of one tile of C over all k, and the side work
// that a tile does between them (packing, copying, prefetching).
//
// A tile stays in registers while k runs: rows x vectors accumulators, each updated by one
// broadcast element of A and one vector of B per step. Every element of C is the same chain of
// fused multiply-adds, p = 0 ... k-1, in whichever tile it lies: tiling never changes a bit.
//
// Start reading at micro_kernel_loop, with PlainSteps as its steps.
#ifndef LAMELLA_BACKENDS_SIMD_MICRO_KERNEL_LOOP_H_
#define LAMELLA_BACKENDS_SIMD_MICRO_KERNEL_LOOP_H_

#include "backends/simd/byte_panels.h"
#include "backends/simd/row_copy.h"

namespace lamella::backends {
namespace {

/// Micro-tile of the unit: kRows rows, kVectors vectors wide. The defaults suit 16 registers: 12
/// accumulators, two vectors of B, one broadcast of A. Units with 32 registers define their own.
#ifndef LAMELLA_SIMD_TILE_ROWS
#define LAMELLA_SIMD_TILE_ROWS 6
#define LAMELLA_SIMD_TILE_VECTORS 2
#endif
inline constexpr int kRows = LAMELLA_SIMD_TILE_ROWS;
inline constexpr int kVectors = LAMELLA_SIMD_TILE_VECTORS;
template <class T>
inline constexpr index kPanel = kVectors* kLanes<T>;

/// Units whose tiles are high enough to hide that B comes out of L2 for each of them define
/// ir_jr; see LoopOrder.
#ifndef LAMELLA_SIMD_LOOP_ORDER
#define LAMELLA_SIMD_LOOP_ORDER LoopOrder::jr_ir
#endif
inline constexpr LoopOrder kLoopOrder = LAMELLA_SIMD_LOOP_ORDER;

/// How far ahead a B in place is fetched, and columns of A: they lie in different pages, where the
/// processor's own prefetching does not follow.
inline constexpr index kPrefetchSteps = 16;

/// Rows of A are addressed by a base pointer and multiples of the stride up to this one less one:
/// an offset for each of 14 rows does not fit into registers.
inline constexpr int kRowsPerBase = 5;

/// acc[v] += a b[v], and that for each row of a tile. Functions of their own, so that the compiler
/// goes through the multiply-adds once and not once for each kind of steps.
template <int kV, class T>
LAMELLA_INLINE void multiply_add_row(Vec<T> a, const Vec<T> (&b)[kV], Vec<T> (&acc)[kV]) {
  unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA { acc[v] = fma<T>(a, b[v], acc[v]); });
}
template <int kM, int kV, class T>
LAMELLA_INLINE void multiply_add_step(const T* const* rows, index a_row, const Vec<T> (&b)[kV],
                                      Vec<T> (&acc)[kM][kV]) {
  unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
    constexpr int kBase = i / kRowsPerBase, kRest = i % kRowsPerBase;
    multiply_add_row<kV, T>(broadcast(rows[kBase][kRest * a_row]), b, acc[i]);
  });
}

/// acc += A B over all k. A(i, p) is a[i * a_row + p * a_col]; `steps` says where B is read and
/// what is done beside the multiply-adds. Its four functions are called in each step, in the order
/// in which they stand here.
///
/// The loop is not unrolled: that is slower, and so is prefetching packed operands.
template <int kM, int kV, class T, class Steps>
LAMELLA_INLINE void micro_kernel_loop(index k, const T* a, index a_row, index a_col, Steps steps,
                                      Vec<T> (&acc)[kM][kV]) {
  constexpr int kBases = (kM + kRowsPerBase - 1) / kRowsPerBase;
  const T* rows[kBases];
  unroll<kBases>([&](int q) LAMELLA_INLINE_LAMBDA { rows[q] = a + q * kRowsPerBase * a_row; });
  for (index p = k; p > 0; --p) {
    steps.begin();
    Vec<T> bv[kV];
    steps.load_b(p, bv);
    multiply_add_step<kM, kV, T>(rows, a_row, bv, acc);
    steps.after_multiply_adds(p, rows[0]);
    unroll<kBases>([&](int q) LAMELLA_INLINE_LAMBDA { rows[q] += a_col; });
    steps.next();
  }
}

/// No side work: B is read where it lies, in place or packed.
template <class T>
struct PlainSteps {
  const T* b;
  index b_row;

  LAMELLA_INLINE void begin() {}
  template <int kV>
  LAMELLA_INLINE void load_b(index, Vec<T> (&bv)[kV]) const {
    unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA { bv[v] = load(b + v * kLanes<T>); });
  }
  LAMELLA_INLINE void after_multiply_adds(index, const T*) {}
  LAMELLA_INLINE void next() { b += b_row; }
};

/// B is read in place, and its vectors are stored into a packed panel: the loads are needed anyway,
/// and the stores fit between the multiply-adds.
template <class T>
struct PackBSteps {
  const T* b;
  index b_row;
  T* panel;

  LAMELLA_INLINE void begin() {}
  template <int kV>
  LAMELLA_INLINE void load_b(index p, Vec<T> (&bv)[kV]) {
    unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA { bv[v] = load(b + v * kLanes<T>); });
    // Not beyond the last row: an address without memory costs a walk of the page tables.
    const T* const ahead = b + (p > kPrefetchSteps ? kPrefetchSteps * b_row : 0);
    __builtin_prefetch(ahead);
    // In ir_jr order the panel to the right is packed next. Its lines are in the same pages, so
    // that they are fetched into L2 without a walk of the page tables
    // (docs/performance/log.md#pack-b).
    if constexpr (kLoopOrder == LoopOrder::ir_jr) {
      constexpr index kLine = 64 / sizeof(T);
      __builtin_prefetch(ahead + kLine);
      __builtin_prefetch(ahead + kPanel<T>, 0, 2);
      __builtin_prefetch(ahead + kPanel<T> + kLine, 0, 2);
    }
    unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA { store(panel + v * kLanes<T>, bv[v]); });
    panel += kPanel<T>;
  }
  LAMELLA_INLINE void after_multiply_adds(index, const T*) {}
  LAMELLA_INLINE void next() { b += b_row; }
};

/// As PackBSteps, but B comes from a panel of bytes: (byte - offset) * scale.
template <class T>
struct WidenBSteps {
  const uint8_t* bytes;         // kPanel of them a step
  const T* map;                 // a vector of offsets, then a vector of scales
  const uint8_t* const* ahead;  // addresses to fetch, one a step
  T* panel;

  LAMELLA_INLINE void begin() {}
  template <int kV>
  LAMELLA_INLINE void load_b(index, Vec<T> (&bv)[kV]) {
    unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA {
      bv[v] = (widen(bytes + v * kLanes<T>, T{}) - load(map)) * load(map + kLanes<T>);
    });
    unroll<kV>([&](int v) LAMELLA_INLINE_LAMBDA { store(panel + v * kLanes<T>, bv[v]); });
    panel += kPanel<T>;
  }
  LAMELLA_INLINE void after_multiply_adds(index, const T*) {}
  LAMELLA_INLINE void next() {
    __builtin_prefetch(*ahead++);
    bytes += kPanel<T>;
  }
};

/// One step of a packed tile of A ← the first kM elements at `column`. What is stored beyond them
/// is stored again, rightly, by the next step; tile_stride leaves room behind the last.
template <int kM, class T>
LAMELLA_INLINE void pack_step(const T* column, T* packed) {
  constexpr index kL = kLanes<T>;
  unroll<static_cast<int>((kM + kL - 1) / kL)>([&](auto q) LAMELLA_INLINE_LAMBDA {
    constexpr index kFirst = q * kL;
    if constexpr (kFirst + kL <= kM)
      store(packed + kFirst, load(column + kFirst));
    else
      store(packed + kFirst, load_n(column + kFirst, kM - kFirst));
  });
}

/// A's columns, read in place, are stored as a packed tile.
template <int kM, class T>
struct PackASteps : PlainSteps<T> {
  index a_col;
  T* tile;

  // Behind the multiply-adds, whose broadcasts bring the lines: before them, loads that wait for L3
  // would hold up the multiply-adds (docs/performance/log.md#pack-a).
  LAMELLA_INLINE void after_multiply_adds(index p, const T* column) {
    const T* const ahead = column + (p > kPrefetchSteps ? kPrefetchSteps * a_col : 0);
    __builtin_prefetch(ahead);
    __builtin_prefetch(ahead + kM - 1);
    pack_step<kM, T>(column, tile);
    tile += kM;
  }
};

/// The rows of the next tile of A are copied meanwhile.
template <class T>
struct CopyASteps : PlainSteps<T> {
  RowCopy<T>* copy;
  index until_copy;

  LAMELLA_INLINE void begin() {
    if (--until_copy == 0) {
      until_copy = copy->steps_apart();
      copy->copy_one();
    }
  }
};

/// The next tile of A is fetched into L2 meanwhile, `fetch_step` elements a step.
template <class T>
struct FetchASteps : PlainSteps<T> {
  const T* fetch;
  index fetch_step;

  LAMELLA_INLINE void after_multiply_adds(index, const T*) {
    __builtin_prefetch(fetch, 0, 2);
    fetch += fetch_step;
  }
};

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_MICRO_KERNEL_LOOP_H_
