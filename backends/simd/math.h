// Vectorised exp, tanh, sigmoid and log. One polynomial, that of exp(r) - 1, serves the first
// three.
//
// x = n ln 2 + r with n an integer and |r| <= ln 2 / 2; exp(r) - 1 by its Taylor polynomial, whose
// first omitted term is below a quarter of an ulp of exp(r) on that interval.
#ifndef LAMELLA_BACKENDS_SIMD_MATH_H_
#define LAMELLA_BACKENDS_SIMD_MATH_H_

#include "backends/simd/batch.h"

namespace lamella::backends {
namespace {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  // 1.5 * 2^23: adding it rounds to an integer and leaves that integer in the low mantissa bits.
  static constexpr float kMagic = 12582912.0f;
  static constexpr int kMantissaBits = 23;
  static constexpr int32_t kBias = 127;
  // ln 2 in two parts; the first has 9 significant bits, so n * kLn2High is exact.
  static constexpr float kLn2High = 0.693359375f;
  static constexpr float kLn2Low = -2.1219444005469058e-4f;
  // Beyond these, 2^n leaves the normal numbers: below the result is 0, above it is that of the
  // bound.
  static constexpr float kLowest = -87.33654f;
  static constexpr float kHighest = 88.02969f;
  static constexpr int kTerms = 6;  // r^2/2! ... r^7/7!
};

template <>
struct ExpConstants<double> {
  static constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr int kMantissaBits = 52;
  static constexpr int64_t kBias = 1023;
  static constexpr double kLn2High = 0.693147180369123816490;  // 32 significant bits
  static constexpr double kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kLowest = -708.3964185322641;
  static constexpr double kHighest = 709.0895657128241;
  static constexpr int kTerms = 12;  // r^2/2! ... r^13/13!
};

/// 1 / (k + 2)!
template <class T>
constexpr T inverse_factorial(int k) {
  double product = 1;
  for (int i = 2; i <= k + 2; ++i) product *= i;
  return static_cast<T>(1 / product);
}

/// exp(x) = scale * (1 + p), scale = 2^n, for kLowest <= x <= kHighest or NaN.
template <class T>
struct ExpParts {
  Vec<T> scale;
  Vec<T> p;
};

template <class T>
LAMELLA_INLINE ExpParts<T> exp_parts(Vec<T> x) {
  using C = ExpConstants<T>;
  const Vec<T> shifted = fma(x, broadcast(T(1.4426950408889634074)), broadcast(C::kMagic));
  const Vec<T> n = shifted - broadcast(C::kMagic);
  const Vec<T> r = fma(n, broadcast(-C::kLn2Low), fma(n, broadcast(-C::kLn2High), x));
  Vec<T> q = broadcast(inverse_factorial<T>(C::kTerms - 1));
  unroll<C::kTerms - 1>([&](auto i) LAMELLA_INLINE_LAMBDA {
    q = fma(q, r, broadcast(inverse_factorial<T>(C::kTerms - 2 - i)));
  });
  const Vec<T> p = fma(r * r, q, r);
  const Vec<Int<T>> exponent = bits_of<T>(shifted) + Vec<Int<T>>(C::kBias);
  return {from_bits<T>(exponent << C::kMantissaBits), p};
}

/// exp within 2 ulp for results in the normal range; 0 below kLowest, infinite above kHighest.
/// NaN stays NaN (the bounds are applied by comparisons, which NaN fails).
template <class T>
LAMELLA_INLINE Vec<T> exp(Vec<T> x) {
  using C = ExpConstants<T>;
  const Vec<T> lowest = broadcast(C::kLowest), highest = broadcast(C::kHighest);
  const auto vanishes = x<lowest, overflows = x> highest;
  const Vec<T> bounded = xsimd::select(overflows, highest, xsimd::select(vanishes, lowest, x));
  const ExpParts<T> e = exp_parts<T>(bounded);
  const Vec<T> bulk = fma<T>(e.scale, e.p, e.scale);
  return xsimd::select(overflows, broadcast(static_cast<T>(INFINITY)),
                       xsimd::select(vanishes, broadcast(T{0}), bulk));
}

/// exp for x <= 0, NaN allowed: what softmax needs after its maximum is subtracted.
template <class T>
LAMELLA_INLINE Vec<T> exp_nonpositive(Vec<T> x) {
  const Vec<T> lowest = broadcast(ExpConstants<T>::kLowest);
  const auto vanishes = x < lowest;
  const ExpParts<T> e = exp_parts<T>(xsimd::select(vanishes, lowest, x));
  return xsimd::select(vanishes, broadcast(T{0}), fma(e.scale, e.p, e.scale));
}

/// 1 / (1 + exp(-z)); where exp is infinite the result is 0, within a denormal of the truth.
template <class T>
LAMELLA_INLINE Vec<T> sigmoid(Vec<T> z) {
  const Vec<T> one = broadcast(T{1});
  return one / (one + exp<T>(broadcast(T{0}) - z));
}

/// tanh z = e / (e + 2) with e = exp(2z) - 1 = 2^n p + (2^n - 1): no cancellation near 0.
template <class T>
LAMELLA_INLINE Vec<T> tanh(Vec<T> z) {
  // Beyond |2z| = 40, tanh rounds to ±1 in either precision.
  const Vec<T> bound = broadcast(T{40}), minus_bound = broadcast(T{-40});
  Vec<T> x = z + z;
  x = xsimd::select(x < minus_bound, minus_bound, x);
  x = xsimd::select(x > bound, bound, x);
  const ExpParts<T> parts = exp_parts<T>(x);
  const Vec<T> e = fma(parts.scale, parts.p, parts.scale - broadcast(T{1}));
  return e / (e + broadcast(T{2}));
}

/// log x for 1 <= x < infinity, NaN allowed: what the sum of a softmax needs.
///
/// x = 2^n f with f between sqrt(1/2) and sqrt(2); log f = 2 artanh t with t = (f - 1) / (f + 1),
/// by its Taylor series t + t^3 / 3 + ..., t^2 < 0.0295.
template <class T>
LAMELLA_INLINE Vec<T> log_from_one(Vec<T> x) {
  using C = ExpConstants<T>;
  constexpr int kTerms = sizeof(T) == 4 ? 5 : 11;  // t^3 / 3 ...; the next is below 2^-55 or 2^-28
  const Vec<Int<T>> half_way = bits_of<T>(broadcast(T(0.70710678118654752440)));
  const Vec<Int<T>> exponent = (bits_of<T>(x) - half_way) >> C::kMantissaBits;
  const Vec<T> n = xsimd::to_float(exponent);
  const Vec<T> f = from_bits<T>(bits_of<T>(x) - (exponent << C::kMantissaBits));
  const Vec<T> t = (f - broadcast(T{1})) / (f + broadcast(T{1}));
  const Vec<T> square = t * t;
  Vec<T> q = broadcast(T{1} / T(2 * kTerms + 1));
  unroll<kTerms - 1>([&](auto i) LAMELLA_INLINE_LAMBDA {
    q = fma(q, square, broadcast(T{1} / T(2 * (kTerms - i) - 1)));
  });
  const Vec<T> twice = t + t;
  const Vec<T> low = fma(twice, square * q, n * broadcast(C::kLn2Low));
  return xsimd::select(x == x, fma(n, broadcast(C::kLn2High), twice + low), x);
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_MATH_H_
