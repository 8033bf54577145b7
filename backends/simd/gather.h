// Mini-batches out of stored bytes: samples picked by index, mapped to T, transposed on the way; as
// a matrix, or as the packed operand of a product.
//
// The network keeps samples in columns, data sets keep them in rows. 16 samples x 16
// features are transposed as bytes, in registers, before they grow to vectors of T: loads and
// stores are of whole lines, and each line of the output is written once.
#ifndef LAMELLA_BACKENDS_SIMD_GATHER_H_
#define LAMELLA_BACKENDS_SIMD_GATHER_H_

#include "backends/simd/gemm.h"

namespace lamella::backends {
namespace {

using Bytes16 __attribute__((vector_size(16))) = uint8_t;
inline constexpr index kByteTile = 16;
inline constexpr index kFetched = 64;  // bytes that a prefetch brings

/// Row i becomes column i: four rounds of interleaving row i with row i + 8.
LAMELLA_INLINE void transpose_bytes(Bytes16 (&tile)[kByteTile]) {
  unroll<4>([&](auto) LAMELLA_INLINE_LAMBDA {
    Bytes16 next[kByteTile];
    unroll<8>([&](auto i) LAMELLA_INLINE_LAMBDA {
      const Bytes16 a = tile[i], b = tile[i + 8];
      next[2 * i] =
          __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                14, 30, 15, 31);
    });
    unroll<16>([&](auto i) LAMELLA_INLINE_LAMBDA { tile[i] = next[i]; });
  });
}

/// kLanes bytes as T. Compilers do not find these instructions in a loop over bytes.
#if defined(__AVX512F__)
LAMELLA_INLINE Vec<float> widen(const uint8_t* p, float) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return Vec<float>(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)));
}
LAMELLA_INLINE Vec<double> widen(const uint8_t* p, double) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return Vec<double>(_mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(bytes)));
}
#elif defined(__AVX2__)
LAMELLA_INLINE Vec<float> widen(const uint8_t* p, float) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return Vec<float>(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)));
}
LAMELLA_INLINE Vec<double> widen(const uint8_t* p, double) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof(four));
  return Vec<double>(_mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four))));
}
#else
template <class T>
LAMELLA_INLINE Vec<T> widen(const uint8_t* p, T) {
  alignas(16) T lanes[kLanes<T>];
  for (index i = 0; i < kLanes<T>; ++i) lanes[i] = static_cast<T>(p[i]);
  return Vec<T>::load_aligned(lanes);
}
#endif

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
  Bytes16 square[kByteTile];
  if (count == kByteTile) {
    unroll<kByteTile>([&](auto i) LAMELLA_INLINE_LAMBDA {
      __builtin_memcpy(&square[i], rows[i], sizeof(Bytes16));
    });
  } else {
    alignas(16) ByteTile some = {};
    for (index i = 0; i < kByteTile; ++i)
      __builtin_memcpy(some[i], rows[i], static_cast<size_t>(count));
    __builtin_memcpy(square, some, sizeof(square));
  }
  transpose_bytes(square);
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
  const auto sample = [&](index s) LAMELLA_INLINE_LAMBDA {
    return g.values +
           g.indices[(s < g.samples ? s : g.samples - 1) * g.indices_stride] * g.values_stride;
  };
  for (index s = 0; s < columns; s += kByteTile) {
    // Samples lie anywhere in memory: the next ones' lines are fetched while these are transposed.
    const uint8_t *rows[kByteTile], *next[kByteTile];
#pragma GCC unroll 1
    for (index i = 0; i < kByteTile; ++i) {
      rows[i] = sample(s + i);
      next[i] = sample(s + kByteTile + i);
    }
    T* out = to.at(s);
    // Where the vectors of a tile are not in one panel, each begins so many elements behind the
    // first.
    constexpr bool kOnePanel = kPanel<T> % kByteTile == 0;
    index behind[kVectorsPerTile];
    unroll<kVectorsPerTile>([&](auto q) LAMELLA_INLINE_LAMBDA {
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
        unroll<kVectorsPerTile>([&](auto q) LAMELLA_INLINE_LAMBDA {
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
