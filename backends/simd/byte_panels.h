// Stored samples as panels of bytes, in the order in which a tile reads B: a quarter of the lines,
// and of the transposition, that floats would take. The tile maps them to T as it reads them.
#ifndef LAMELLA_BACKENDS_SIMD_BYTE_PANELS_H_
#define LAMELLA_BACKENDS_SIMD_BYTE_PANELS_H_

#include "backends/simd/shuffle.h"

namespace lamella::backends {
namespace {

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

inline constexpr index kByteTile = 16;  // samples or features that are transposed together
inline constexpr index kFetched = 64;   // bytes that a prefetch brings

template <int kN>
using Bytes __attribute__((vector_size(kN))) = uint8_t;
template <int kN>
using AllOf = typename MakeIndices<kN>::type;

/// In each group of 16 bytes row i becomes column i: four rounds of interleaving rows i and i + 8.
template <int... kI>
LAMELLA_INLINE void transpose_bytes(Bytes<sizeof...(kI)> (&rows)[kByteTile], Indices<kI...>) {
  constexpr int kN = sizeof...(kI);
  unroll<4>([&](auto) LAMELLA_INLINE_LAMBDA {
    Bytes<kN> next[kByteTile];
    unroll<8>([&](auto i) LAMELLA_INLINE_LAMBDA {
      const Bytes<kN> a = rows[i], b = rows[i + 8];
      next[2 * i] = LAMELLA_SHUFFLE(a, b, interleave(kI, kN, kByteTile, 1, false)...);
      next[2 * i + 1] = LAMELLA_SHUFFLE(a, b, interleave(kI, kN, kByteTile, 1, true)...);
    });
    unroll<kByteTile>([&](auto i) LAMELLA_INLINE_LAMBDA { rows[i] = next[i]; });
  });
}

/// A panel of bytes has 32 columns; 32 features of two samples are a vector.
inline constexpr int kBytePanel = 32;
static_assert(kBytePanel == kFewestByteFeatures);

/// The halves of a and of b in turn.
template <int... kI>
LAMELLA_INLINE Bytes<sizeof...(kI)> joined(const uint8_t* a, const uint8_t* b, Indices<kI...>) {
  Bytes<kBytePanel> first, second;
  __builtin_memcpy(&first, a, sizeof(first));
  __builtin_memcpy(&second, b, sizeof(second));
  return LAMELLA_SHUFFLE(first, second,
                         (kI / 16 % 2 * kBytePanel + kI / kBytePanel * 16 + kI % 16)...);
}
template <int kHalf, class Row, int... kI>
LAMELLA_INLINE Bytes<sizeof...(kI)> half(Row row, Indices<kI...>) {
  return LAMELLA_SHUFFLE(row, row, (kHalf * static_cast<int>(sizeof...(kI)) + kI)...);
}

/// Sample s of the block; the last one in place of those behind it.
template <class T>
LAMELLA_INLINE const uint8_t* sample_at(const ByteGatherBlock<T>& g, index s) {
  const index last = g.samples - 1;
  return g.values + g.indices[(s < last ? s : last) * g.indices_stride] * g.values_stride;
}

/// Addresses to fetch one by one while a panel is used: what the next one is made of. It lies in as
/// many pages as there are samples; fetched all at once, it would have to be waited for.
using Ahead = const uint8_t* [kByteDepth];

/// panel[f * kBytePanel + i] ← feature f of sample first + i. The block has at least kBytePanel
/// samples and features.
template <class T>
[[gnu::noinline]] void byte_panel_of_columns(const ByteGatherBlock<T>& g, index first,
                                             uint8_t* panel, Ahead& ahead) {
  const uint8_t *rows[kBytePanel], *next[kBytePanel];
#pragma GCC unroll 1
  for (index i = 0; i < kBytePanel; ++i) {
    rows[i] = sample_at(g, first + i);
    next[i] = sample_at(g, first + kBytePanel + i);
  }
  for (index p = 0; p < g.features; p += kBytePanel) {
    const index line = p / kBytePanel * kFetched;
    for (index i = 0; i < kBytePanel; ++i) ahead[p + i] = next[i] + (line < g.features ? line : 0);
  }
  for (index at = 0; at < g.features; at += kBytePanel) {
    // The last ones overlap with those before, and are the same once more.
    const index last = g.features - kBytePanel, j = at < last ? at : last;
    Bytes<2 * kBytePanel> square[kByteTile];
    unroll<kByteTile>([&](auto i) LAMELLA_INLINE_LAMBDA {
      square[i] = joined(rows[i] + j, rows[i + kByteTile] + j, AllOf<2 * kBytePanel>{});
    });
    transpose_bytes(square, AllOf<2 * kBytePanel>{});
    unroll<kByteTile>([&](auto i) LAMELLA_INLINE_LAMBDA {
      unroll<2>([&](auto q) LAMELLA_INLINE_LAMBDA {
        const Bytes<kBytePanel> columns = half<q>(square[i], AllOf<kBytePanel>{});
        __builtin_memcpy(panel + (j + q * kByteTile + i) * kBytePanel, &columns, sizeof(columns));
      });
    });
  }
}

/// panel[s * kBytePanel + i] ← feature first + i of sample s.
template <class T>
[[gnu::noinline]] void byte_panel_of_rows(const ByteGatherBlock<T>& g, index first, uint8_t* panel,
                                          Ahead& ahead) {
  for (index s = 0; s < g.samples; ++s, panel += kBytePanel) {
    const uint8_t* const from = sample_at(g, s) + first;
    ahead[s] = from + 2 * kBytePanel - 1;
    __builtin_memcpy(panel, from, kBytePanel);
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_BYTE_PANELS_H_
