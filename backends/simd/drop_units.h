// Dropout: units dropped by random numbers, with lanes across samples.
#ifndef LAMELLA_BACKENDS_SIMD_DROP_UNITS_H_
#define LAMELLA_BACKENDS_SIMD_DROP_UNITS_H_

#include "backends/simd/batch.h"

namespace lamella::backends {
namespace {

/// A word of 32 bits in the lower half of each lane. The upper halves hold anything: only products
/// look at a word, and they read lower halves.
using Words = Vec<uint64_t>;
inline constexpr index kWords = kLanes<uint64_t>;

/// The products of the words of a and b, 64 bits each.
LAMELLA_INLINE Words wide_product(Words a, Words b) {
#if defined(__AVX512F__)
  return Words(_mm512_mul_epu32(a.data, b.data));
#elif defined(__AVX2__)
  return Words(_mm256_mul_epu32(a.data, b.data));
#elif defined(__x86_64__)
  return Words(_mm_mul_epu32(a.data, b.data));
#elif defined(__aarch64__)
  return Words(vmull_u32(vmovn_u64(a.data), vmovn_u64(b.data)));
#else
  const Words low(uint64_t{0xffffffff});
  return (a & low) * (b & low);
#endif
}

LAMELLA_INLINE Words broadcast_word(uint32_t word) { return Words(uint64_t{word}); }

/// Blocks of Philox4x32-10 in place, one in each lane.
LAMELLA_INLINE void philox(Words (&words)[4], uint64_t key) {
  uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  const Words even_factor = broadcast_word(kPhiloxFactors[0]);
  const Words odd_factor = broadcast_word(kPhiloxFactors[1]);
  unroll<kPhiloxRounds>([&](int) LAMELLA_INLINE_LAMBDA {
    const Words even = wide_product(even_factor, words[0]);
    const Words odd = wide_product(odd_factor, words[2]);
    words[0] = (odd >> 32) ^ words[1] ^ broadcast_word(key0);
    words[1] = odd;
    words[2] = (even >> 32) ^ words[3] ^ broadcast_word(key1);
    words[3] = even;
    key0 += kPhiloxKeySteps[0];
    key1 += kPhiloxKeySteps[1];
  });
}

/// Samples that are drawn for together, in two vectors of words. If T has 32 bits, the first one
/// has those with even numbers, so that words of both, side by side, are in order.
inline constexpr index kDrawnSamples = 2 * kWords;
template <class T>
LAMELLA_INLINE uint64_t& number_at(uint64_t (&numbers)[2][kWords], index sample) {
  return sizeof(T) == 4 ? numbers[sample % 2][sample / 2]
                        : numbers[sample / kWords][sample % kWords];
}

/// What is kept of kDrawnSamples elements in a row: all bits of an element are set, or none.
template <class T>
struct KeptElements {
  static constexpr int kVectors = sizeof(T) / 4;
  static constexpr index kElements = kDrawnSamples / kVectors;  // of a vector
  Words masks[kVectors];

  LAMELLA_INLINE KeptElements(Words first, Words second, uint32_t dropped_below) {
    const Words low = broadcast_word(0xffffffff), below = broadcast_word(dropped_below);
    // The difference is negative, so its highest bit is set, where a word is below.
    const Words one(uint64_t{1});
    const Words kept[2] = {(((first & low) - below) >> 63) - one,
                           (((second & low) - below) >> 63) - one};
    if constexpr (kVectors == 1) {
      masks[0] = (kept[0] & low) | (kept[1] << 32);
    } else {
      masks[0] = kept[0];
      masks[1] = kept[1];
    }
  }

  /// y ← x where it is kept.
  LAMELLA_INLINE void apply(const T* x, T* y) const {
    unroll<kVectors>([&](auto v) LAMELLA_INLINE_LAMBDA {
      Words values;
      __builtin_memcpy(&values, x + v * kElements, sizeof(values));
      values = values & masks[v];
      __builtin_memcpy(y + v * kElements, &values, sizeof(values));
    });
  }
};

template <class T>
LAMELLA_KERNEL void drop_units(const DropBlock<T>& s) {
  alignas(64) T ones[kDrawnSamples];
  for (index i = 0; i < kDrawnSamples; ++i) ones[i] = 1;
  const bool contiguous = s.y_sample_stride == 1 && (s.x == nullptr || s.x_sample_stride == 1);
  for (index first = 0; first < s.samples; first += kDrawnSamples) {
    const index count = s.samples - first < kDrawnSamples ? s.samples - first : kDrawnSamples;
    alignas(64) uint64_t numbers[2][kWords] = {};
#pragma GCC unroll 1
    for (index i = 0; i < count; ++i)
      number_at<T>(numbers, i) = static_cast<uint32_t>(s.numbers[(first + i) * s.numbers_stride]);
    for (index j = 0; j < s.units; j += 4) {
      Words words[2][4];
      unroll<2>([&](auto half) LAMELLA_INLINE_LAMBDA {
        words[half][0] = broadcast_word(s.first_block + static_cast<uint32_t>(j / 4));
        words[half][1] = load(numbers[half]);
        words[half][2] = broadcast_word(static_cast<uint32_t>(s.stream));
        words[half][3] = broadcast_word(static_cast<uint32_t>(s.stream >> 32));
        philox(words[half], s.seed);
      });
      unroll<4>([&](auto u) LAMELLA_INLINE_LAMBDA {
        if (j + u >= s.units) return;
        const KeptElements<T> kept(words[0][u], words[1][u], s.dropped_below);
        T* const y = s.y + (j + u) * s.y_unit_stride + first * s.y_sample_stride;
        const T* const x =
            s.x != nullptr ? s.x + (j + u) * s.x_unit_stride + first * s.x_sample_stride : ones;
        if (contiguous && count == kDrawnSamples) {
          kept.apply(x, y);
          return;
        }
        alignas(64) T values[kDrawnSamples] = {};
        const index x_stride = s.x != nullptr ? s.x_sample_stride : 1;
#pragma GCC unroll 1
        for (index i = 0; i < count; ++i) values[i] = x[i * x_stride];
        kept.apply(values, values);
#pragma GCC unroll 1
        for (index i = 0; i < count; ++i) y[i * s.y_sample_stride] = values[i];
      });
    }
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_DROP_UNITS_H_
