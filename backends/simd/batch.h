// Vectors of one instruction set, as the kernel families use them: a thin layer over xsimd.
//
// Included only by the per-ISA units, after LAMELLA_SIMD_ARCH is defined. Everything stands in an
// anonymous namespace, so no two units can share (or mix up) code. Differences between xsimd
// releases (8.1 to current) are settled here.
#ifndef LAMELLA_BACKENDS_SIMD_BATCH_H_
#define LAMELLA_BACKENDS_SIMD_BATCH_H_

#include <math.h>
#include <stdint.h>

#include <xsimd/xsimd.hpp>

#include "backends/kernel_table.h"

#define LAMELLA_INLINE inline __attribute__((always_inline))
#define LAMELLA_INLINE_LAMBDA __attribute__((always_inline))
// Everything a kernel calls is inlined into it: no out-of-line xsimd function is left behind as a
// weak symbol that the linker could hand to another instruction set's unit.
#define LAMELLA_KERNEL __attribute__((flatten))
// Not cloned for callers with constant arguments, which only GCC does.
#if defined(__clang__)
#define LAMELLA_ONE_COPY
#else
#define LAMELLA_ONE_COPY __attribute__((noclone))
#endif

namespace lamella::backends {
namespace {

using Arch = LAMELLA_SIMD_ARCH;

template <class T>
using Vec = xsimd::batch<T, Arch>;

/// Lanes of a vector of T.
template <class T>
inline constexpr index kLanes = static_cast<index>(Vec<T>::size);

template <class T>
LAMELLA_INLINE Vec<T> load(const T* p) {
  return Vec<T>::load_unaligned(p);
}

template <class T>
LAMELLA_INLINE void store(T* p, Vec<T> v) {
  v.store_unaligned(p);
}

template <class T>
LAMELLA_INLINE Vec<T> broadcast(T x) {
  return Vec<T>(x);
}

// load_n: the first n < kLanes elements; the other lanes hold `fill`, and nothing beyond them is
// touched. store_n: the same way back. xsimd has no masked loads and stores before release 14;
// without them a row of ten classes spends most of its time on its last two.
#if defined(__AVX512F__)
LAMELLA_INLINE Vec<float> load_n(const float* p, index n, float fill = 0) {
  return Vec<float>(_mm512_mask_loadu_ps(_mm512_set1_ps(fill), __mmask16((1u << n) - 1), p));
}
LAMELLA_INLINE Vec<double> load_n(const double* p, index n, double fill = 0) {
  return Vec<double>(_mm512_mask_loadu_pd(_mm512_set1_pd(fill), __mmask8((1u << n) - 1), p));
}
LAMELLA_INLINE void store_n(float* p, index n, Vec<float> v) {
  _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), v.data);
}
LAMELLA_INLINE void store_n(double* p, index n, Vec<double> v) {
  _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), v.data);
}
#elif defined(__AVX2__)
/// A mask of the first n lanes is a window into these.
constexpr int32_t kMask32[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
constexpr int64_t kMask64[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
LAMELLA_INLINE __m256i first_lanes(const float*, index n) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask32 + 8 - n));
}
LAMELLA_INLINE __m256i first_lanes(const double*, index n) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask64 + 4 - n));
}
LAMELLA_INLINE Vec<float> load_n(const float* p, index n, float fill = 0) {
  const __m256i mask = first_lanes(p, n);
  return Vec<float>(_mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask),
                                     _mm256_castsi256_ps(mask)));
}
LAMELLA_INLINE Vec<double> load_n(const double* p, index n, double fill = 0) {
  const __m256i mask = first_lanes(p, n);
  return Vec<double>(_mm256_blendv_pd(_mm256_set1_pd(fill), _mm256_maskload_pd(p, mask),
                                      _mm256_castsi256_pd(mask)));
}
LAMELLA_INLINE void store_n(float* p, index n, Vec<float> v) {
  _mm256_maskstore_ps(p, first_lanes(p, n), v.data);
}
LAMELLA_INLINE void store_n(double* p, index n, Vec<double> v) {
  _mm256_maskstore_pd(p, first_lanes(p, n), v.data);
}
#else
template <class T>
LAMELLA_INLINE Vec<T> load_n(const T* p, index n, T fill = 0) {
  alignas(64) T lanes[kLanes<T>];
  for (index i = 0; i < kLanes<T>; ++i) lanes[i] = i < n ? p[i] : fill;
  return Vec<T>::load_aligned(lanes);
}
template <class T>
LAMELLA_INLINE void store_n(T* p, index n, Vec<T> v) {
  alignas(64) T lanes[kLanes<T>];
  v.store_aligned(lanes);
  for (index i = 0; i < n; ++i) p[i] = lanes[i];
}
#endif

/// x * y + z, in one rounding where the instruction set has it.
template <class T>
LAMELLA_INLINE Vec<T> fma(Vec<T> x, Vec<T> y, Vec<T> z) {
#if defined(__AVX512F__) && XSIMD_VERSION_MAJOR < 11
  // xsimd before 11 multiplies and adds separately on AVX-512.
  if constexpr (sizeof(T) == 4)
    return Vec<T>(_mm512_fmadd_ps(x.data, y.data, z.data));
  else
    return Vec<T>(_mm512_fmadd_pd(x.data, y.data, z.data));
#else
  return xsimd::fma(x, y, z);
#endif
}

// x / y and the root of x, each rounded once. For floats on AArch64 xsimd's refine an estimate as
// on 32-bit Arm, and are an ulp off.
#if defined(__aarch64__)
LAMELLA_INLINE Vec<float> quotient(Vec<float> x, Vec<float> y) {
  return Vec<float>(vdivq_f32(x.data, y.data));
}
LAMELLA_INLINE Vec<double> quotient(Vec<double> x, Vec<double> y) {
  return Vec<double>(vdivq_f64(x.data, y.data));
}
LAMELLA_INLINE Vec<float> root(Vec<float> x) { return Vec<float>(vsqrtq_f32(x.data)); }
LAMELLA_INLINE Vec<double> root(Vec<double> x) { return Vec<double>(vsqrtq_f64(x.data)); }
#else
template <class T>
LAMELLA_INLINE Vec<T> quotient(Vec<T> x, Vec<T> y) {
  return x / y;
}
template <class T>
LAMELLA_INLINE Vec<T> root(Vec<T> x) {
  return xsimd::sqrt(x);
}
#endif

template <class T>
struct IntOf;
template <>
struct IntOf<float> {
  using type = int32_t;
};
template <>
struct IntOf<double> {
  using type = int64_t;
};
template <class T>
using Int = typename IntOf<T>::type;

template <class T>
LAMELLA_INLINE Vec<Int<T>> bits_of(Vec<T> v) {
#if XSIMD_VERSION_MAJOR < 9
  return xsimd::bitwise_cast<Vec<Int<T>>>(v);
#else
  return xsimd::bitwise_cast<Int<T>>(v);
#endif
}

template <class T>
LAMELLA_INLINE Vec<T> from_bits(Vec<Int<T>> v) {
#if XSIMD_VERSION_MAJOR < 9
  return xsimd::bitwise_cast<Vec<T>>(v);
#else
  return xsimd::bitwise_cast<T>(v);
#endif
}

/// Zeros that the compiler takes for any value: GCC would make a known zero anew in each of the
/// branches that follow, for a tenth of the code of all tiles.
template <class T>
LAMELLA_INLINE Vec<T> zero_here() {
  Vec<T> zero(T{0});
#if defined(__AVX512F__)
  asm("" : "+v"(zero.data));
#elif defined(__x86_64__)
  asm("" : "+x"(zero.data));
#elif defined(__aarch64__)
  asm("" : "+w"(zero.data));
#endif
  return zero;
}

/// A compile-time index, passed to the body of an unrolled loop.
template <int I>
struct Index {
  static constexpr int value = I;
  constexpr operator int() const { return I; }
};

/// MakeIndices<N>::type is Indices<0, ..., N - 1>.
template <int... kI>
struct Indices {};
template <int kN, int... kI>
struct MakeIndices : MakeIndices<kN - 1, kN - 1, kI...> {};
template <int... kI>
struct MakeIndices<0, kI...> {
  using type = Indices<kI...>;
};

template <class Body, int... kI>
LAMELLA_INLINE void unroll_over(const Body& body, Indices<kI...>) {
  (body(Index<kI>{}), ...);
}

/// body(Index<0>) ... body(Index<N-1>), unrolled by the front end: accumulator arrays that are only
/// ever indexed by constants stay in registers (a loop with an unroll pragma can leave them in
/// memory). A body that needs no constant takes an int: one function for all of them, of which the
/// compiler has less to do.
///
/// By one fold and not by recursion, of which each step would hold all later ones: the compiler
/// inlines step by step, and the sum of their sizes grows with the square of N.
template <int N, class Body>
LAMELLA_INLINE void unroll(const Body& body) {
  unroll_over(body, typename MakeIndices<N>::type{});
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_BATCH_H_
