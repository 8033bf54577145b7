// The innermost loop of a product: the multiply-adds of one tile of C, and what a tile packs or
// fetches in passing.
//
// A tile stays in registers while k runs: rows x vectors accumulators, each updated by one
// broadcast element of A and one vector of B per step. Every element of C is the same chain of
// fused multiply-adds, p = 0 ... k-1, in whichever tile it lies: tiling never changes a bit.
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

/// The order of tiles. Down the columns of C, a panel of B stays in L1 while all of A passes.
/// Along its rows, a tile of A meets all of B, which comes out of L2 each time: more lines from
/// L2, but A and C pass through the caches once, in the order in which they lie in memory. Units
/// whose steps are long enough to hide the former define it as true.
#ifndef LAMELLA_SIMD_ALONG_ROWS
#define LAMELLA_SIMD_ALONG_ROWS false
#endif
inline constexpr bool kAlongRows = LAMELLA_SIMD_ALONG_ROWS;
template <class T>
inline constexpr index kPanel = kVectors* kLanes<T>;

/// Where the multiply-adds of a tile find their operands.
enum class Operands {
  any,      ///< A in place or packed, B in place or packed
  packed,   ///< both packed: addresses are two pointers and constants
  pack_b,   ///< A as in any; B is read in place and stored into its panel
  widen_b,  ///< as pack_b, but B comes from bytes
  pack_a,   ///< A's columns are read in place and stored into a tile; B packed
  copy_a,   ///< as any, and the rows of the next tile of A are copied meanwhile
  fetch_a,  ///< as any, and the next tile of A is fetched meanwhile
};

/// What a tile of C is made of, and where to pack it in passing (or null).
template <class T>
struct TileOperands {
  const T* a;
  index a_row_stride;
  bool a_is_packed;
  T* pack_a;
  const T* b;
  T* pack_b;
  const uint8_t* bytes;         // of B, kPanel a step, or null
  const T* map;                 // a vector to subtract from them, one to multiply the difference by
  const uint8_t* const* ahead;  // addresses to fetch meanwhile, one a step
  RowCopy<T>* copy;             // to get on with, or null
  const T* fetch_a;             // memory to fetch into L2, fetch_step elements a step, or null
  index fetch_step;
};

/// Tiles that can do something in passing but pack B. All but a few of a block of more than two
/// tiles' rows are; code for the others would be dead weight.
inline constexpr index kFewestHighRows = (2 * kRows + 2) / 3;
constexpr bool is_high(index rows) { return rows >= kFewestHighRows; }

/// Whether tiles read bytes. Down the columns it is level or 2 % slower (AVX2), and doubles are not
/// worth the code.
template <class T>
inline constexpr bool kWidens = kAlongRows && sizeof(T) == 4 && kPanel<T> == kBytePanel;

/// How far ahead a B in place is fetched, and columns of A: they lie in different pages, where the
/// processor's own prefetching does not follow.
inline constexpr index kPrefetchSteps = 16;

inline constexpr int kRowsPerBase = 5;

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

/// The multiply-adds of a tile: acc += A B over all k.
///
/// With both operands packed 98 instead of 96 % of peak from the L2 cache. Unrolled by 2 or 4 the
/// loop is slower (96, 91 %), and prefetching A or B gives nothing (Zen 3).
template <Operands kFrom, int kM, int kV, class T>
LAMELLA_INLINE void gemm_steps(const GemmBlock<T>& g, const TileOperands<T>& from,
                               Vec<T> (&acc)[kM][kV]) {
  // Locals: a store could otherwise alias the members and force reloads.
  constexpr bool kPacked = kFrom == Operands::packed, kPackA = kFrom == Operands::pack_a,
                 kWiden = kFrom == Operands::widen_b;
  const bool a_tiles = kPacked || (!kPackA && !kWiden && from.a_is_packed);
  const index a_row = kPackA || a_tiles ? 1 : from.a_row_stride;
  const index a_col = a_tiles ? kM : g.a_col_stride;
  const index b_row = kPacked || kPackA           ? kPanel<T>
                      : kFrom == Operands::pack_b ? g.b_source_stride
                                                  : g.b_row_stride;
  const T* const a = from.a;
  const T* b = from.b;
  T *tile = from.pack_a, *panel = from.pack_b;
  const uint8_t* bytes = from.bytes;
  const T* const map = from.map;
  const uint8_t* const* ahead = from.ahead;
  const T* fetch = from.fetch_a;
  const index fetch_step = from.fetch_step;
  // Rows by a base and at most kRowsPerBase - 1 multiples of the stride: an offset for each row
  // does not fit into registers. 1 to 3 % with 14 rows (AVX-512), nothing with 6.
  constexpr int kBases = (kM + kRowsPerBase - 1) / kRowsPerBase;
  const T* rows[kBases];
  unroll<kBases>([&](auto q) LAMELLA_INLINE_LAMBDA { rows[q] = a + q * kRowsPerBase * a_row; });
  index until_copy = kFrom == Operands::copy_a ? from.copy->steps_apart() : 0;
  for (index p = g.k; p > 0; --p) {
    if constexpr (kFrom == Operands::copy_a)
      if (--until_copy == 0) {
        until_copy = from.copy->steps_apart();
        from.copy->copy_one();
      }
    Vec<T> bv[kV];
    unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA {
      if constexpr (kWiden)
        bv[v] = (widen(bytes + v * kLanes<T>, T{}) - load(map)) * load(map + kLanes<T>);
      else
        bv[v] = load(b + v * kLanes<T>);
    });
    // Not beyond the last row: an address without memory costs a walk of the page tables.
    if constexpr (kFrom == Operands::pack_b) {
      const T* const b_ahead = b + (p > kPrefetchSteps ? kPrefetchSteps * b_row : 0);
      __builtin_prefetch(b_ahead);
      // Along the rows the panel to the right is packed next. Its lines are in the same pages, so
      // that they are fetched into L2 without a walk of the page tables: out of L3 512³ from 95 to
      // 97 %, 1000³ 90 to 94, 2048³ 91 to 94 (Zen 4). Down the columns nothing is gained.
      if constexpr (kAlongRows) {
        constexpr index kLine = 64 / sizeof(T);
        __builtin_prefetch(b_ahead + kLine);
        __builtin_prefetch(b_ahead + kPanel<T>, 0, 2);
        __builtin_prefetch(b_ahead + kPanel<T> + kLine, 0, 2);
      }
    }
    if constexpr (kFrom == Operands::pack_b || kWiden) {
      unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA { store(panel + v * kLanes<T>, bv[v]); });
      panel += kPanel<T>;
    }
    unroll<kM>([&](auto i) LAMELLA_INLINE_LAMBDA {
      constexpr int kBase = i / kRowsPerBase, kRest = i % kRowsPerBase;
      const Vec<T> ai = broadcast(rows[kBase][kRest * a_row]);
      unroll<kV>([&](auto v) LAMELLA_INLINE_LAMBDA { acc[i][v] = fma<T>(ai, bv[v], acc[i][v]); });
    });
    // Behind the multiply-adds, whose broadcasts bring the lines: before them 128 x 1024 x 1024
    // with A's columns out of L3 is at 83 instead of 91 % (Zen 4).
    if constexpr (kPackA) {
      const T* const a_ahead = rows[0] + (p > kPrefetchSteps ? kPrefetchSteps * a_col : 0);
      __builtin_prefetch(a_ahead);
      __builtin_prefetch(a_ahead + kM - 1);
      pack_step<kM, T>(rows[0], tile);
      tile += kM;
    }
    if constexpr (kFrom == Operands::fetch_a) {
      __builtin_prefetch(fetch, 0, 2);
      fetch += fetch_step;
    }
    unroll<kBases>([&](auto q) LAMELLA_INLINE_LAMBDA { rows[q] += a_col; });
    if constexpr (kWiden) {
      __builtin_prefetch(*ahead++);
      bytes += kPanel<T>;
    } else {
      b += b_row;
    }
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_MICRO_KERNEL_LOOP_H_
