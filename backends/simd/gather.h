// Mini-batches out of stored bytes: samples picked by index, mapped to T, transposed on the way.
//
// The network keeps samples in columns, data sets keep them in rows. 16 samples x 16 features are
// transposed as bytes, in registers, before they grow to vectors of T: loads and stores are of
// whole lines, and each line of the output is written once.
#ifndef LAMELLA_BACKENDS_SIMD_GATHER_H_
#define LAMELLA_BACKENDS_SIMD_GATHER_H_

#include "backends/simd/batch.h"

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

/// 16 samples x features [j, j + kFeatures) of a tile of bytes, all of which exist.
template <class T>
LAMELLA_INLINE void map_tile(const ByteGatherBlock<T>& g,
                             const uint8_t (&tile)[kByteTile][kByteTile], index j, T* to) {
  const T *offset = g.offset + j * g.offset_stride, *scale = g.scale + j * g.scale_stride;
  for (index f = 0; f < kByteTile; ++f, to += g.out_stride) {
    const Vec<T> o = broadcast(*offset), factor = broadcast(*scale);
    unroll<static_cast<int>(kByteTile / kLanes<T>)>([&](auto q) LAMELLA_INLINE_LAMBDA {
      store(to + q * kLanes<T>, (widen(tile[f] + q * kLanes<T>, T{}) - o) * factor);
    });
    offset += g.offset_stride;
    scale += g.scale_stride;
  }
}

/// out[s + j * out_stride] ← (T(values[indices[s], j]) - offset[j]) * scale[j].
template <class T>
LAMELLA_KERNEL void gather_columns(const ByteGatherBlock<T>& block) {
  const ByteGatherBlock<T> g = block;  // a copy, which stores of T cannot alias
  for (index s = 0; s < g.samples; s += kByteTile) {
    const index count = g.samples - s < kByteTile ? g.samples - s : kByteTile;
    const uint8_t* rows[kByteTile];
    for (index i = 0; i < count; ++i)
      rows[i] = g.values + g.indices[(s + i) * g.indices_stride] * g.values_stride;
    // Samples lie anywhere in memory: the next ones' lines are fetched while these are transposed.
    const index ahead = s + 2 * kByteTile <= g.samples ? kByteTile : 0;
    const uint8_t* next[kByteTile];
    for (index i = 0; i < ahead; ++i)
      next[i] = g.values + g.indices[(s + ahead + i) * g.indices_stride] * g.values_stride;
    index j = 0;
    for (; count == kByteTile && j + kByteTile <= g.features; j += kByteTile) {
      if (j % kFetched == 0)
        for (index i = 0; i < ahead; ++i) __builtin_prefetch(next[i] + j);
      Bytes16 square[kByteTile];
      unroll<kByteTile>([&](auto i) LAMELLA_INLINE_LAMBDA {
        __builtin_memcpy(&square[i], rows[i] + j, sizeof(Bytes16));
      });
      transpose_bytes(square);
      alignas(16) uint8_t tile[kByteTile][kByteTile];
      unroll<kByteTile>([&](auto i) LAMELLA_INLINE_LAMBDA {
        __builtin_memcpy(tile[i], &square[i], sizeof(Bytes16));
      });
      map_tile(g, tile, j, g.out + s + j * g.out_stride);
    }
    for (; j < g.features; ++j)
      for (index i = 0; i < count; ++i)
        g.out[s + i + j * g.out_stride] =
            (static_cast<T>(rows[i][j]) - g.offset[j * g.offset_stride]) *
            g.scale[j * g.scale_stride];
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_GATHER_H_
