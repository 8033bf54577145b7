// Vectorised exp, tanh, sigmoid and log. exp(r) - 1 by one polynomial serves the first three, but
// for the exponentials of a softmax with AVX-512, which have a table.
//
// x = n ln 2 + r with n an integer and |r| <= ln 2 / 2; exp(r) = 1 + r + r^2 q(r), where q is the
// minimax polynomial (Remez, weighted by r^2 / exp(r)) of least degree that is within a twentieth
// of an ulp of exp(r). Taylor's would need a term more in floats and two in doubles.
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
  /// -127 ln 2: its 2^n has a biased exponent of 0, so that the result is 0.
  static constexpr float kVanishing = -88.029691931f;
  static constexpr float kQ[] = {0.49999993447796487f, 0.16666520631709497f, 0.041668388045313997f,
                                 0.0083687168797281399f, 0.0013814598646664034f};  // 3.1e-9
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
  static constexpr double kVanishing = -709.08956571282405;  // -1023 ln 2
  static constexpr double kQ[] = {0.50000000000000106271,   0.16666666666666412523,
                                  0.04166666666653015859,   0.0083333333334944616641,
                                  0.0013888888943630112946, 0.00019841269506578687653,
                                  2.4801493098906550659e-5, 2.7557586373840163694e-6,
                                  2.7630248379211443975e-7, 2.5000061602835666699e-8};  // 3.6e-18
};

/// Vectors whose exponentials are computed side by side, as many as fit into registers. Each is a
/// chain of a dozen instructions; one after the other they would wait in the processor's schedulers
/// (docs/performance/log.md#softmax-and-loss).
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int kTogether = 4;
#else
inline constexpr int kTogether = 2;
#endif

/// exp(x) = scale * (1 + p), scale = 2^n, for x in [kLowest, kHighest] or NaN; scale is 0 from half
/// a power of two below kLowest down to kVanishing.
template <int kN, class T>
LAMELLA_INLINE void exp_parts(const Vec<T> (&x)[kN], Vec<T> (&scale)[kN], Vec<T> (&p)[kN]) {
  using C = ExpConstants<T>;
  constexpr int kLast = sizeof(C::kQ) / sizeof(T) - 1;
  Vec<T> n[kN], r[kN], q[kN];
  const auto each = [](const auto& body) LAMELLA_INLINE_LAMBDA { unroll<kN>(body); };
  each([&](int i) LAMELLA_INLINE_LAMBDA {
    scale[i] = fma(x[i], broadcast(T(1.4426950408889634074)), broadcast(C::kMagic));
  });
  each([&](int i) LAMELLA_INLINE_LAMBDA { n[i] = scale[i] - broadcast(C::kMagic); });
  each([&](int i) LAMELLA_INLINE_LAMBDA { r[i] = fma(n[i], broadcast(-C::kLn2High), x[i]); });
  each([&](int i) LAMELLA_INLINE_LAMBDA { r[i] = fma(n[i], broadcast(-C::kLn2Low), r[i]); });
  each([&](int i) LAMELLA_INLINE_LAMBDA {
    const Vec<Int<T>> exponent = bits_of<T>(scale[i]) + Vec<Int<T>>(C::kBias);
    scale[i] = from_bits<T>(exponent << C::kMantissaBits);
  });
  each([&](int i) LAMELLA_INLINE_LAMBDA { q[i] = broadcast(C::kQ[kLast]); });
  unroll<kLast>([&](int term) LAMELLA_INLINE_LAMBDA {
    each([&](int i)
             LAMELLA_INLINE_LAMBDA { q[i] = fma(q[i], r[i], broadcast(C::kQ[kLast - 1 - term])); });
  });
  each([&](int i) LAMELLA_INLINE_LAMBDA { p[i] = fma(r[i] * r[i], q[i], r[i]); });
}

/// x ← exp(x), within 2 ulp for results in the normal range; 0 below kLowest, infinite above
/// kHighest. NaN stays NaN (the bounds are applied by comparisons, which NaN fails).
template <int kN, class T>
LAMELLA_INLINE void exp(Vec<T> (&x)[kN]) {
  using C = ExpConstants<T>;
  const Vec<T> lowest = broadcast(C::kLowest), highest = broadcast(C::kHighest);
  Vec<T> bounded[kN], scale[kN], p[kN];
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    bounded[i] = xsimd::select(x[i] > highest, highest, xsimd::select(x[i] < lowest, lowest, x[i]));
  });
  exp_parts<kN, T>(bounded, scale, p);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    const Vec<T> bulk = fma<T>(scale[i], p[i], scale[i]);
    x[i] = xsimd::select(x[i] > highest, broadcast(static_cast<T>(INFINITY)),
                         xsimd::select(x[i] < lowest, broadcast(T{0}), bulk));
  });
}

#if defined(__AVX512F__)
/// 2^(j / 16)
alignas(64) constexpr float kPowers[16] = {1.0f,         1.044273782f, 1.090507733f, 1.138788635f,
                                           1.189207115f, 1.241857812f, 1.296839555f, 1.354255547f,
                                           1.414213562f, 1.476826146f, 1.542210825f, 1.610490332f,
                                           1.681792831f, 1.75625216f,  1.834008086f, 1.915206561f};

/// x ← exp(x) for x in [-127 ln 2, 0], or NaN, by a table that is a register: x = (n + j / 16) ln 2
/// + r with |r| <= ln 2 / 32, where a polynomial three terms shorter is within 1.6e-9 (Remez).
/// Within 1 ulp.
template <int kN>
LAMELLA_INLINE void exp_by_table(Vec<float> (&x)[kN]) {
  using C = ExpConstants<float>;
  constexpr float kSteps = 16;
  const __m512 powers = _mm512_load_ps(kPowers);
  Vec<float> m[kN], r[kN], q[kN], power[kN];
  const auto each = [](const auto& body) LAMELLA_INLINE_LAMBDA { unroll<kN>(body); };
  each([&](int i) LAMELLA_INLINE_LAMBDA {
    m[i] = fma(x[i], broadcast(kSteps * 1.4426950408889634f), broadcast(C::kMagic));
  });
  each([&](int i) LAMELLA_INLINE_LAMBDA { q[i] = m[i] - broadcast(C::kMagic); });
  each([&](int i)
           LAMELLA_INLINE_LAMBDA { r[i] = fma(q[i], broadcast(-C::kLn2High / kSteps), x[i]); });
  each([&](int i)
           LAMELLA_INLINE_LAMBDA { r[i] = fma(q[i], broadcast(-C::kLn2Low / kSteps), r[i]); });
  each([&](int i) LAMELLA_INLINE_LAMBDA {
    const __m512i bits = _mm512_castps_si512(m[i].data);
    const __m512i exponent = _mm512_slli_epi32(_mm512_and_si512(bits, _mm512_set1_epi32(-16)), 19);
    const __m512i entry = _mm512_castps_si512(_mm512_permutexvar_ps(bits, powers));
    power[i] = Vec<float>(_mm512_castsi512_ps(_mm512_add_epi32(entry, exponent)));
  });
  each([&](int i) LAMELLA_INLINE_LAMBDA {
    q[i] = fma(r[i], broadcast(0.1666671851f), broadcast(0.5000161736f));
  });
  each([&](int i) LAMELLA_INLINE_LAMBDA { r[i] = fma(r[i] * r[i], q[i], r[i]); });
  each([&](int i) LAMELLA_INLINE_LAMBDA { x[i] = fma(power[i], r[i], power[i]); });
}
#endif

/// x ← exp(x) for x <= 0, NaN allowed: what softmax needs after its maximum is subtracted. Below
/// the normal numbers it is denormal or 0, and 0 from kVanishing on.
template <int kN, class T>
LAMELLA_INLINE void exp_nonpositive(Vec<T> (&x)[kN]) {
  // Where one operand is NaN, x86 takes the second and NEON the NaN.
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    x[i] = xsimd::max(broadcast(ExpConstants<T>::kVanishing), x[i]);
  });
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return exp_by_table<kN>(x);
#endif
  Vec<T> scale[kN], p[kN];
  exp_parts<kN, T>(x, scale, p);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA { x[i] = fma(scale[i], p[i], scale[i]); });
}

/// z ← 1 / (1 + exp(-z)); where exp is infinite the result is 0, within a denormal of the truth.
template <int kN, class T>
LAMELLA_INLINE void sigmoid(Vec<T> (&z)[kN]) {
  const Vec<T> one = broadcast(T{1});
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA { z[i] = broadcast(T{0}) - z[i]; });
  exp<kN, T>(z);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA { z[i] = quotient(one, one + z[i]); });
}

/// z ← tanh z = e / (e + 2) with e = exp(2z) - 1 = 2^n p + (2^n - 1): no cancellation near 0.
template <int kN, class T>
LAMELLA_INLINE void tanh(Vec<T> (&z)[kN]) {
  // Beyond |2z| = 40, tanh rounds to ±1 in either precision.
  const Vec<T> bound = broadcast(T{40}), minus_bound = broadcast(T{-40});
  Vec<T> scale[kN], p[kN];
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    const Vec<T> x = z[i] + z[i], above = xsimd::select(x < minus_bound, minus_bound, x);
    z[i] = xsimd::select(above > bound, bound, above);
  });
  exp_parts<kN, T>(z, scale, p);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    const Vec<T> e = fma(scale[i], p[i], scale[i] - broadcast(T{1}));
    z[i] = quotient(e, e + broadcast(T{2}));
  });
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
  const Vec<T> t = quotient(f - broadcast(T{1}), f + broadcast(T{1}));
  const Vec<T> square = t * t;
  Vec<T> q = broadcast(T{1} / T(2 * kTerms + 1));
  unroll<kTerms - 1>([&](int i) LAMELLA_INLINE_LAMBDA {
    q = fma(q, square, broadcast(T{1} / T(2 * (kTerms - i) - 1)));
  });
  const Vec<T> twice = t + t;
  const Vec<T> low = fma(twice, square * q, n * broadcast(C::kLn2Low));
  // NOLINTNEXTLINE(misc-redundant-expression): false for NaN
  return xsimd::select(x == x, fma(n, broadcast(C::kLn2High), twice + low), x);
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_MATH_H_
