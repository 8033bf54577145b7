// Packing of GEMM's operands into the order in which the micro-kernel reads them.
//
// Both operands go through squares of registers where their contiguous direction is not the
// packed one: kLanes rows are loaded, transposed in registers and stored as kLanes columns.
#ifndef LAMELLA_BACKENDS_SIMD_PACKING_H_
#define LAMELLA_BACKENDS_SIMD_PACKING_H_

#include "backends/simd/macro_kernel.h"
#include "backends/simd/shuffle.h"

namespace lamella::backends {
namespace {

/// Transposes a square of kLanes x kLanes: first within groups of 128 bits, then the groups.
///
/// kLanes log2(kLanes) shuffles, which is the least there can be with two operands each.
template <class T>
LAMELLA_INLINE void transpose_square(Raw<T> (&rows)[kLanes<T>]) {
  constexpr int kN = static_cast<int>(kLanes<T>);
  using All = typename MakeIndices<kN>::type;
  if constexpr (sizeof(T) == 8) {
    unroll<kN / 2>([&](int i) LAMELLA_INLINE_LAMBDA {
      interleave_rows<1, T>(rows[2 * i], rows[2 * i + 1], All{});
    });
  } else {
    unroll<kN / 4>([&](int q) LAMELLA_INLINE_LAMBDA {
      Raw<T>* const four = rows + 4 * q;
      interleave_rows<1, T>(four[0], four[1], All{});
      interleave_rows<1, T>(four[2], four[3], All{});
      interleave_rows<2, T>(four[0], four[2], All{});  // columns 0 and 1 of every group
      interleave_rows<2, T>(four[1], four[3], All{});  // columns 2 and 3
      const Raw<T> second = four[2];
      four[2] = four[1];
      four[1] = second;
    });
  }
  constexpr int kGroup = 16 / sizeof(T);
  if constexpr (kN >= 2 * kGroup)
    unroll<kN>([&](auto i) LAMELLA_INLINE_LAMBDA {
      if constexpr ((i.value / kGroup) % 2 == 0)
        swap_row_blocks<kGroup, T>(rows[i], rows[i + kGroup], All{});
    });
  if constexpr (kN >= 4 * kGroup)
    unroll<kN>([&](auto i) LAMELLA_INLINE_LAMBDA {
      if constexpr ((i.value / (2 * kGroup)) % 2 == 0)
        swap_row_blocks<2 * kGroup, T>(rows[i], rows[i + 2 * kGroup], All{});
    });
}

/// Packs `columns` <= kLanes columns, each contiguous in k, by squares, and zeros for those that
/// are missing: packed[p * kPanel + j] ← b[p + j * col_stride].
template <class T>
LAMELLA_KERNEL void pack_transposed(index k, index columns, const T* b, index col_stride,
                                    T* packed) {
  index p = 0;
  for (; p + kLanes<T> <= k; p += kLanes<T>) {
    Raw<T> rows[kLanes<T>];
    if (columns == kLanes<T>)
      unroll<static_cast<int>(kLanes<T>)>([&](int j) LAMELLA_INLINE_LAMBDA {
        __builtin_memcpy(&rows[j], b + j * col_stride + p, sizeof(Raw<T>));
      });
    else
      unroll<static_cast<int>(kLanes<T>)>([&](int j) LAMELLA_INLINE_LAMBDA {
        rows[j] = Raw<T>{};
        if (j < columns) __builtin_memcpy(&rows[j], b + j * col_stride + p, sizeof(Raw<T>));
      });
    transpose_square<T>(rows);
    unroll<static_cast<int>(kLanes<T>)>([&](int j) LAMELLA_INLINE_LAMBDA {
      __builtin_memcpy(packed + (p + j) * kPanel<T>, &rows[j], sizeof(Raw<T>));
    });
  }
  for (; p < k; ++p)
    for (index j = 0; j < kLanes<T>; ++j)
      packed[p * kPanel<T> + j] = j < columns ? b[j * col_stride + p] : T{0};
}

template <class T>
LAMELLA_KERNEL void pack_b(index k, index n, const T* b, index row_stride, index col_stride,
                           T* packed) {
  for (index column = 0; column < n; column += kPanel<T>, packed += k * kPanel<T>) {
    const index columns = n - column < kPanel<T> ? n - column : kPanel<T>;
    const T* from = b + column * col_stride;
    index done = 0;  // columns that are packed, with what pads them to whole vectors
    if (col_stride == 1) {
      const index whole = columns / kLanes<T> * kLanes<T>, rest = columns - whole;
      for (index p = 0; p < k; ++p) {
        for (index j = 0; j < whole; j += kLanes<T>)
          store(packed + p * kPanel<T> + j, load(from + p * row_stride + j));
        if (rest > 0)
          store(packed + p * kPanel<T> + whole, load_n(from + p * row_stride + whole, rest));
      }
      done = rest > 0 ? whole + kLanes<T> : whole;
    } else if (row_stride == 1) {
      for (; done < columns; done += kLanes<T>)
        pack_transposed(k, columns - done < kLanes<T> ? columns - done : kLanes<T>,
                        from + done * col_stride, col_stride, packed + done);
    }
    if (done < columns) {
      for (index p = 0; p < k; ++p)
        for (index j = done; j < kPanel<T>; ++j)
          packed[p * kPanel<T> + j] = j < columns ? from[p * row_stride + j * col_stride] : T{0};
    } else {
      for (; done < kPanel<T>; done += kLanes<T>)
        for (index p = 0; p < k; ++p) store(packed + p * kPanel<T> + done, broadcast(T{0}));
    }
  }
}

/// Squares side by side that hold the rows of a tile.
template <class T>
inline constexpr int kTileSquares = static_cast<int>((kRows + kLanes<T> - 1) / kLanes<T>);

/// Packs a tile element by element, any strides.
template <class T>
LAMELLA_INLINE void pack_tile(index rows, index k, const T* a, index row_stride, index col_stride,
                              T* packed) {
  for (index p = 0; p < k; ++p, packed += rows, a += col_stride)
    for (index i = 0; i < rows; ++i) packed[i] = a[i * row_stride];
}

/// Packs a tile whose rows are contiguous in k.
///
/// Stores are of whole vectors: what is written beyond a step's last row is written again, rightly,
/// by the next step; tile_stride leaves room behind the last.
template <class T>
LAMELLA_KERNEL void pack_tile_rows(index rows, index k, const T* a, index row_stride, T* packed) {
  constexpr int kN = static_cast<int>(kLanes<T>);
  index p = 0;
  for (; p + kN <= k; p += kN) {
    Raw<T> squares[kTileSquares<T>][kLanes<T>];
    unroll<kTileSquares<T>>([&](auto q) LAMELLA_INLINE_LAMBDA {
      unroll<kN>([&](auto i) LAMELLA_INLINE_LAMBDA {
        // Rows the tile does not have repeat its last one; they are never read.
        const index row = q * kN + i < rows ? q * kN + i : rows - 1;
        if constexpr (q * kN + i < kRows)
          __builtin_memcpy(&squares[q][i], a + row * row_stride + p, sizeof(Raw<T>));
        else
          squares[q][i] = squares[q][0];
      });
      transpose_square<T>(squares[q]);
    });
    unroll<kN>([&](int j) LAMELLA_INLINE_LAMBDA {
      unroll<kTileSquares<T>>([&](int q) LAMELLA_INLINE_LAMBDA {
        if (q * kN < rows)
          __builtin_memcpy(packed + (p + j) * rows + q * kN, &squares[q][j], sizeof(Raw<T>));
      });
    });
  }
  pack_tile(rows, k - p, a + p, row_stride, 1, packed + p * rows);
}

/// kSteps neighbouring columns of `tiles` tiles of `rows` rows; whole vectors are read.
template <int kSteps, class T>
LAMELLA_INLINE void pack_column_steps(index tiles, index rows, const T* from, index col_stride,
                                      T* to, index stride) {
  for (; tiles > 0; --tiles, from += rows, to += stride)
    unroll<kTileSquares<T>>([&](int q) LAMELLA_INLINE_LAMBDA {
      if (q * kLanes<T> < rows)
        unroll<kSteps>([&](int step) LAMELLA_INLINE_LAMBDA {
          store(to + step * rows + q * kLanes<T>, load(from + step * col_stride + q * kLanes<T>));
        });
    });
}

/// Packs A's tiles; columns of A are contiguous. All tiles of a few columns before the next ones:
/// tiles share the columns' cache lines. What a store writes beyond its step is written again.
template <class T>
LAMELLA_KERNEL void pack_columns(index m, index k, const T* a, index col_stride, T* packed) {
  const Tiles tiles(m);
  const index stride = tile_stride(kRows, k), low = tiles.low, high = low + 1;
  const index high_tiles = tiles.high_count, low_tiles = tiles.count - high_tiles;
  // The last tiles may have fewer rows behind their beginning than a vector has lanes.
  const index last = kTileSquares<T> * kLanes<T> / low;
  const index low_whole = low_tiles > last ? low_tiles - last : 0;
  const index high_whole = low_whole > 0 ? high_tiles : high_tiles > last ? high_tiles - last : 0;
  // With two squares a step's second stores would fall into the next step's first ones.
  constexpr int kSteps = kTileSquares<T> == 1 ? 4 : 1;
  const auto steps = [&](auto count, index p) LAMELLA_INLINE_LAMBDA {
    const T* from = a + p * col_stride;
    pack_column_steps<count>(high_whole, high, from, col_stride, packed + p * high, stride);
    if (low_whole > 0)
      pack_column_steps<count>(low_whole, low, from + tiles.first_row(high_tiles), col_stride,
                               packed + high_tiles * stride + p * low, stride);
  };
  index p = 0;
  for (; p + kSteps <= k; p += kSteps) steps(Index<kSteps>{}, p);
  for (; p < k; ++p) steps(Index<1>{}, p);

  for (index tile = high_whole + low_whole; tile < tiles.count; ++tile)
    pack_tile(tiles.rows(tile), k, a + tiles.first_row(tile), 1, col_stride,
              packed + tile * stride);
}

template <class T>
LAMELLA_KERNEL void pack_a(index m, index k, const T* a, index row_stride, index col_stride,
                           T* packed) {
  if (m == 0) return;
  if (row_stride == 1) return pack_columns(m, k, a, col_stride, packed);
  const Tiles tiles(m);
  for (index tile = 0; tile < tiles.count; ++tile, packed += tile_stride(kRows, k)) {
    const T* from = a + tiles.first_row(tile) * row_stride;
    if (col_stride == 1)
      pack_tile_rows(tiles.rows(tile), k, from, row_stride, packed);
    else
      pack_tile(tiles.rows(tile), k, from, row_stride, col_stride, packed);
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_PACKING_H_
