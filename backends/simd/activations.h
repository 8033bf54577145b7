// Vectorised gelu, silu, mish, elu, selu and softplus, and the derivatives of those whose
// derivative is a function of their argument.
//
// Each is written in exp(-|z|) or exp(z) for z <= 0, which cannot overflow.
#ifndef LAMELLA_BACKENDS_SIMD_ACTIVATIONS_H_
#define LAMELLA_BACKENDS_SIMD_ACTIVATIONS_H_

#include "backends/simd/math.h"

namespace lamella::backends {
namespace {

/// Coefficients of P, the polynomial through Chebyshev's nodes for Mills's ratio of the normal
/// distribution: Φ(-s) = exp(-s²/2) P(q) / (s + 4), q = 1 - 8 / (s + 4), for s >= 0. Within 3 ulp
/// of Φ(-s) as evaluated here. Computed with mpmath.
template <class T>
struct MillsRatio;
template <>
struct MillsRatio<float> {
  static constexpr float kP[] = {0.755285144f,    -0.607896566f,   0.387137562f,    -0.186524183f,
                                 0.0603953153f,   -0.00752125541f, -0.00347619643f, 0.00157575205f,
                                 0.000129340129f, -0.000162616314f};
};
template <>
struct MillsRatio<double> {
  static constexpr double kP[] = {
      0.7552851304157515,      -0.6078966419718931,     0.38713740074221653,
      -0.1865218579595672,     0.0603965748907624,      -0.007540188969137313,
      -0.0034796923628903557,  0.0016308184878823643,   0.00013334425890372837,
      -0.0002310951507876874,  -1.9079074883936755e-06, 3.514564458582385e-05,
      7.152737509308815e-07,   -5.9229798276747605e-06, -6.2620687669596e-07,
      1.0270948807114341e-06,  2.662327898883562e-07,   -1.6231917680473566e-07,
      -7.98985075256226e-08,   1.9608339140939514e-08,  1.6536044775506402e-08,
      -1.2845818869925269e-09, -1.7737405043949108e-09};
};

/// SELU's constants (Klambauer et al., "Self-normalizing neural networks", NIPS 2017).
inline constexpr double kSeluScale = 1.0507009873554804934193349852946;
inline constexpr double kSeluAlpha = 1.6732632423543772848170429916717;

/// magnitude[i] ← |z[i]|, e[i] ← exp(-|z[i]|).
template <int kN, class T>
LAMELLA_INLINE void exp_of_minus_magnitude(const Vec<T> (&z)[kN], Vec<T> (&e)[kN]) {
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA { e[i] = broadcast(T{0}) - xsimd::abs(z[i]); });
  exp_nonpositive<kN, T>(e);
}

/// σ(z) and σ(-z) from e = exp(-|z|).
template <class T>
struct Logistic {
  Vec<T> at, opposite;

  LAMELLA_INLINE Logistic(Vec<T> z, Vec<T> e) {
    const Vec<T> one = broadcast(T{1}), larger = quotient(one, one + e), smaller = e * larger;
    const auto negative = z < broadcast(T{0});
    at = xsimd::select(negative, smaller, larger);
    opposite = xsimd::select(negative, larger, smaller);
  }
};

/// tanh(log(1 + exp z)) and its distance from 1, from e = exp(-|z|).
template <class T>
struct TanhOfSoftplus {
  Vec<T> value, rest;

  LAMELLA_INLINE TanhOfSoftplus(Vec<T> z, Vec<T> e) {
    // ((1 + exp z)² - 1) / ((1 + exp z)² + 1), for z >= 0 with exp(-2 z) taken out of both.
    const Vec<T> two = broadcast(T{2}), twice = two * e, square = e * e;
    const auto negative = z < broadcast(T{0});
    const Vec<T> above = xsimd::select(negative, square + twice, twice + broadcast(T{1}));
    const Vec<T> between = xsimd::select(negative, two, two * square);
    const Vec<T> factor = quotient(broadcast(T{1}), above + between);
    value = above * factor;
    rest = between * factor;
  }
};

/// cumulative ← Φ(z), density ← Φ'(z) = exp(-z²/2) / √(2π).
template <int kN, class T>
LAMELLA_INLINE void normal_distribution(const Vec<T> (&z)[kN], Vec<T> (&cumulative)[kN],
                                        Vec<T> (&density)[kN]) {
  constexpr int kLast = sizeof(MillsRatio<T>::kP) / sizeof(T) - 1;
  const Vec<T> one = broadcast(T{1});
  Vec<T> inverse[kN], q[kN];
  const auto each = [](const auto& body) LAMELLA_INLINE_LAMBDA { unroll<kN>(body); };
  each([&](int i) LAMELLA_INLINE_LAMBDA { density[i] = broadcast(T(-0.5)) * z[i] * z[i]; });
  exp_nonpositive<kN, T>(density);
  each([&](int i) LAMELLA_INLINE_LAMBDA {
    inverse[i] = quotient(one, xsimd::abs(z[i]) + broadcast(T{4}));
    q[i] = fma(broadcast(T{-8}), inverse[i], one);
    cumulative[i] = broadcast(MillsRatio<T>::kP[kLast]);
  });
  unroll<kLast>([&](int term) LAMELLA_INLINE_LAMBDA {
    each([&](int i) LAMELLA_INLINE_LAMBDA {
      cumulative[i] = fma(cumulative[i], q[i], broadcast(MillsRatio<T>::kP[kLast - 1 - term]));
    });
  });
  each([&](int i) LAMELLA_INLINE_LAMBDA {
    const Vec<T> tail = density[i] * (cumulative[i] * inverse[i]);
    cumulative[i] = xsimd::select(z[i] > broadcast(T{0}), one - tail, tail);
    density[i] = density[i] * broadcast(T(0.39894228040143267794));
  });
}

/// z ← z Φ(z)
template <int kN, class T>
LAMELLA_INLINE void gelu(Vec<T> (&z)[kN]) {
  Vec<T> cumulative[kN], density[kN];
  normal_distribution<kN, T>(z, cumulative, density);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA { z[i] = z[i] * cumulative[i]; });
}

/// z ← z σ(z)
template <int kN, class T>
LAMELLA_INLINE void silu(Vec<T> (&z)[kN]) {
  Vec<T> e[kN];
  exp_of_minus_magnitude<kN, T>(z, e);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA { z[i] = z[i] * Logistic<T>(z[i], e[i]).at; });
}

/// z ← z tanh(log(1 + exp z))
template <int kN, class T>
LAMELLA_INLINE void mish(Vec<T> (&z)[kN]) {
  Vec<T> e[kN];
  exp_of_minus_magnitude<kN, T>(z, e);
  unroll<kN>([&](int i)
                 LAMELLA_INLINE_LAMBDA { z[i] = z[i] * TanhOfSoftplus<T>(z[i], e[i]).value; });
}

/// z ← log(1 + exp z) = max(z, 0) + log(1 + exp(-|z|))
template <int kN, class T>
LAMELLA_INLINE void softplus(Vec<T> (&z)[kN]) {
  const Vec<T> one = broadcast(T{1}), zero = broadcast(T{0});
  Vec<T> e[kN];
  exp_of_minus_magnitude<kN, T>(z, e);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    // What 1 + e has lost by rounding comes back by the derivative of the logarithm.
    const Vec<T> sum = one + e[i], lost = e[i] - (sum - one);
    z[i] = xsimd::select(z[i] > zero, z[i], zero) + (log_from_one<T>(sum) + quotient(lost, sum));
  });
}

/// z ← scale z for z > 0, else scale alpha (exp z - 1)
template <int kN, class T>
LAMELLA_INLINE void exponential_unit(Vec<T> (&z)[kN], T alpha, T scale) {
  const Vec<T> zero = broadcast(T{0});
  // Below -40, exp z - 1 rounds to -1 in either precision.
  const Vec<T> lowest = broadcast(T{-40});
  Vec<T> x[kN], power[kN], p[kN];
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    const Vec<T> below = xsimd::select(z[i] > zero, zero, z[i]);
    x[i] = xsimd::select(below < lowest, lowest, below);
  });
  exp_parts<kN, T>(x, power, p);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    const Vec<T> less_one = fma(power[i], p[i], power[i] - broadcast(T{1}));
    z[i] = xsimd::select(z[i] > zero, broadcast(scale) * z[i], broadcast(scale * alpha) * less_one);
  });
}

/// d ← d f'(z) for gelu, silu and mish.
template <int kCode, int kN, class T>
LAMELLA_INLINE void times_derivative_at(const Vec<T> (&z)[kN], Vec<T> (&d)[kN]) {
  if constexpr (kCode == kGelu) {
    Vec<T> cumulative[kN], density[kN];
    normal_distribution<kN, T>(z, cumulative, density);
    unroll<kN>([&](int i)
                   LAMELLA_INLINE_LAMBDA { d[i] = d[i] * fma(z[i], density[i], cumulative[i]); });
    return;
  }
  const Vec<T> one = broadcast(T{1});
  Vec<T> e[kN];
  exp_of_minus_magnitude<kN, T>(z, e);
  unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA {
    const Logistic<T> logistic(z[i], e[i]);
    if constexpr (kCode == kSilu) {
      d[i] = d[i] * (logistic.at * fma(z[i], logistic.opposite, one));
    } else {
      const TanhOfSoftplus<T> t(z[i], e[i]);
      // 1 - t² without cancellation
      const Vec<T> slope = t.rest * (one + t.value);
      d[i] = d[i] * fma(z[i] * logistic.at, slope, t.value);
    }
  });
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_ACTIVATIONS_H_
