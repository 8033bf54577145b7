// Mini-batches out of stored bytes: samples picked by index, mapped to T, transposed on the way; as
// a matrix, or as the packed operand of a product.
//
// The network keeps samples in columns, data sets keep them in rows. They are transposed in
// registers as words of four features, which shifts and masks then take apart: a quarter of the
// shuffles that bytes need, or floats. Each line of the output is written once.
#ifndef LAMELLA_BACKENDS_SIMD_GATHER_H_
#define LAMELLA_BACKENDS_SIMD_GATHER_H_

#include "backends/simd/packing.h"

namespace lamella::backends {
namespace {

/// A tile: as many samples as a vector has 32-bit lanes, with 4 features in each of these.
using Words = Raw<float>;  // moved, never computed with
inline constexpr int kTileSamples = static_cast<int>(kLanes<float>);
inline constexpr index kTileFeatures = 4 * kTileSamples;
inline constexpr index kFetched = 64;  // bytes that a prefetch brings

/// Fewer features of a sample than a tile has. Out of line: it is rarely called, from many places.
[[gnu::noinline]] Words load_fewer(const uint8_t* from, index count) {
  alignas(64) uint8_t bytes[kTileFeatures] = {};
  for (index i = 0; i < count; ++i) bytes[i] = from[i];
  Words words;
  __builtin_memcpy(&words, bytes, sizeof(words));
  return words;
}

using Ints __attribute__((vector_size(sizeof(Words)))) = int32_t;

/// Vector q of those that hold the integers, as T.
template <int kQ, class T, int... kI>
LAMELLA_INLINE Vec<T> converted(Ints ints, Indices<kI...>) {
  const auto some = LAMELLA_SHUFFLE(ints, ints, (kQ * static_cast<int>(kLanes<T>) + kI)...);
  const Raw<T> values = __builtin_convertvector(some, Raw<T>);
  Vec<T> result;
  __builtin_memcpy(&result, &values, sizeof(result));
  return result;
}

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

/// Features [j, j + count) of a tile that has been transposed: words[i] has four of every sample.
/// Writes `samples` columns.
template <class T>
LAMELLA_INLINE void map_tile(const ByteGatherBlock<T>& g, const Words* words, index j, index count,
                             index samples, T* to, index stride) {
  constexpr int kL = static_cast<int>(kLanes<T>);
  const T *offset = g.offset + j * g.offset_stride, *scale = g.scale + j * g.scale_stride;
  for (; count > 0; count -= 4, ++words) {
    Ints four;
    __builtin_memcpy(&four, words, sizeof(four));
    unroll<4>([&](auto f) LAMELLA_INLINE_LAMBDA {
      if (f >= count) return;
      const Ints ints = (four >> (8 * f)) & 255;
      const Vec<T> o = broadcast(*offset), factor = broadcast(*scale);
      unroll<kTileSamples / kL>([&](auto q) LAMELLA_INLINE_LAMBDA {
        const Vec<T> x = (converted<q, T>(ints, typename MakeIndices<kL>::type{}) - o) * factor;
        const index lanes = samples - q * kL;
        if (lanes >= kL)
          store(to + q * kL, x);
        else if (lanes > 0)
          store_n(to + q * kL, lanes, x);
      });
      to += stride;
      offset += g.offset_stride;
      scale += g.scale_stride;
    });
  }
}

/// (T(values[indices[s], j]) - offset[j]) * scale[j] for every sample s and feature j. Panels, if
/// there are any, are of whole tiles, and filled up with the last sample.
///
/// Not cloned: GCC would make a copy for panels, for 20 KB of archive and no speed.
template <class T>
[[gnu::noclone]] LAMELLA_KERNEL void gather_samples(const ByteGatherBlock<T>& block,
                                                    const SampleColumns<T>& to) {
  const ByteGatherBlock<T> g = block;  // copies, which stores of T cannot alias
  const index stride = to.stride;
  const index columns =
      to.panel_stride == 0 ? g.samples : (g.samples + to.panel - 1) / to.panel * to.panel;
  const auto sample = [&](index s) LAMELLA_INLINE_LAMBDA {
    return g.values +
           g.indices[(s < g.samples ? s : g.samples - 1) * g.indices_stride] * g.values_stride;
  };
  for (index s = 0; s < columns; s += kTileSamples) {
    const index samples = columns - s < kTileSamples ? columns - s : kTileSamples;
    T* const out = to.at(s);
    // Samples lie anywhere in memory: the next ones' lines are fetched while these are transposed.
    const uint8_t *rows[kTileSamples], *next[kTileSamples];
    for (index i = 0; i < kTileSamples; ++i) {
      rows[i] = sample(s + i);
      next[i] = sample(s + kTileSamples + i);
    }
    for (index j = 0; j < g.features; j += kTileFeatures) {
      const index count = g.features - j < kTileFeatures ? g.features - j : kTileFeatures;
      if (j % kFetched == 0)
        for (index i = 0; i < kTileSamples; ++i) __builtin_prefetch(next[i] + j);
      Words square[kTileSamples];
      unroll<kTileSamples>([&](auto i) LAMELLA_INLINE_LAMBDA {
        if (count == kTileFeatures)
          __builtin_memcpy(&square[i], rows[i] + j, sizeof(Words));
        else
          square[i] = load_fewer(rows[i] + j, count);
      });
      transpose_square<float>(square);
      alignas(64) Words words[kTileSamples];
      unroll<kTileSamples>([&](auto i) LAMELLA_INLINE_LAMBDA { words[i] = square[i]; });
      map_tile(g, words, j, count, samples, out + j * stride, stride);
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
