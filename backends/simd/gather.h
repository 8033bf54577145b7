// Mini-batches out of stored bytes: samples picked by index, mapped to T, transposed on the way; as
// a matrix, or as the packed operand of a product.
//
// The network keeps samples in columns, data sets keep them in rows. 16 samples x 16
// features are transposed as bytes, in registers, before they grow to vectors of T: loads and
// stores are of whole lines, and each line of the output is written once.
#ifndef LAMELLA_BACKENDS_SIMD_GATHER_H_
#define LAMELLA_BACKENDS_SIMD_GATHER_H_

#include "backends/simd/micro_kernel_loop.h"

namespace lamella::backends {
namespace {

/// Where samples go, one in each column.
template <class T>
struct SampleColumns {
  T* out;
  index stride;               // between features
  index panel, panel_stride;  // columns that stand side by side, and from these to the next ones

  LAMELLA_INLINE T* at(index sample) const {
    return out + sample / panel * panel_stride + sample % panel;
  }
};

using ByteTile = uint8_t[kByteTile][kByteTile];

/// tile[f][i] ← rows[i][f] for the first `count` features.
LAMELLA_INLINE void load_tile(const uint8_t* const (&rows)[kByteTile], index count,
                              ByteTile& tile) {
  Bytes<kByteTile> square[kByteTile];
  if (count == kByteTile) {
    unroll<kByteTile>([&](int i) LAMELLA_INLINE_LAMBDA {
      __builtin_memcpy(&square[i], rows[i], sizeof(square[i]));
    });
  } else {
    alignas(16) ByteTile some = {};
    for (index i = 0; i < kByteTile; ++i)
      __builtin_memcpy(some[i], rows[i], static_cast<size_t>(count));
    __builtin_memcpy(square, some, sizeof(square));
  }
  transpose_bytes(square, AllOf<kByteTile>{});
  __builtin_memcpy(tile, square, sizeof(tile));
}

/// Features [j, j + count) of samples [first, last) out of a tile; small rather than fast.
template <class T>
[[gnu::cold, gnu::noinline]] void copy_columns(const SampleColumns<T>& to, index first, index last,
                                               index j, index count, const T* tile) {
  for (index s = first; s < last; ++s, ++tile) {
    T* column = to.at(s) + j * to.stride;
    for (index f = 0; f < count; ++f, column += to.stride) *column = tile[f * kByteTile];
  }
}

/// (T(values[indices[s], j]) - offset[j]) * scale[j] for every sample s and feature j. Panels, if
/// there are any, are filled up with the last sample.
///
/// GCC would clone it for panels, for 20 KB of archive and no speed.
template <class T>
LAMELLA_ONE_COPY LAMELLA_KERNEL void gather_samples(const ByteGatherBlock<T>& block,
                                                    const SampleColumns<T>& to) {
  constexpr int kVectorsPerTile = static_cast<int>(kByteTile / kLanes<T>);
  const ByteGatherBlock<T> g = block;  // copies, which stores of T cannot alias
  const index stride = to.stride;
  const index columns =
      to.panel_stride == 0 ? g.samples : (g.samples + to.panel - 1) / to.panel * to.panel;
  for (index s = 0; s < columns; s += kByteTile) {
    // Samples lie anywhere in memory: the next ones' lines are fetched while these are transposed.
    const uint8_t *rows[kByteTile], *next[kByteTile];
#pragma GCC unroll 1
    for (index i = 0; i < kByteTile; ++i) {
      rows[i] = sample_at(g, s + i);
      next[i] = sample_at(g, s + kByteTile + i);
    }
    T* out = to.at(s);
    // Elements from the first vector of a tile to each: they need not be in one panel.
    constexpr bool kOnePanel = kPanel<T> % kByteTile == 0;
    index behind[kVectorsPerTile];
    unroll<kVectorsPerTile>([&](int q) LAMELLA_INLINE_LAMBDA {
      behind[q] = kOnePanel ? q * kLanes<T> : to.at(s + q * kLanes<T>) - out;
    });
    const T *offset = g.offset, *scale = g.scale;
    for (index j = 0; j < g.features; j += kByteTile) {
      const index count = g.features - j < kByteTile ? g.features - j : kByteTile;
      if (j % kFetched == 0) {
#pragma GCC unroll 1
        for (index i = 0; i < kByteTile; ++i) __builtin_prefetch(next[i] + j);
      }
      alignas(16) ByteTile tile;
      load_tile(rows, count, tile);
#pragma GCC unroll 1
      for (index i = 0; i < kByteTile; ++i) rows[i] += kByteTile;
      // Samples that are less than a tile go through a whole one.
      const bool whole = columns - s >= kByteTile;
      alignas(64) T some[kByteTile * kByteTile];
      T* to_feature = whole ? out : some;
      const index to_stride = whole ? stride : kByteTile;
#pragma GCC unroll 1
      for (index f = 0; f < count; ++f, to_feature += to_stride) {
        const Vec<T> o = broadcast(*offset), factor = broadcast(*scale);
        offset += g.offset_stride;
        scale += g.scale_stride;
        unroll<kVectorsPerTile>([&](int q) LAMELLA_INLINE_LAMBDA {
          const index at = kOnePanel || !whole ? q * kLanes<T> : behind[q];
          store(to_feature + at, (widen(tile[f] + q * kLanes<T>, T{}) - o) * factor);
        });
      }
      if (!whole) copy_columns(to, s, columns, j, count, some);
      out += kByteTile * stride;
    }
  }
}

template <class T>
void gather_columns(const ByteGatherBlock<T>& g, T* out, index out_stride) {
  gather_samples<T>(g, {out, out_stride, g.samples, 0});
}

template <class T>
void pack_samples(const ByteGatherBlock<T>& g, T* packed) {
  gather_samples<T>(g, {packed, kPanel<T>, kPanel<T>, g.features * kPanel<T>});
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_GATHER_H_
