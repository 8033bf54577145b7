// Element-wise kernels over contiguous vectors: activations, their derivatives, bias, updates.
#ifndef LAMELLA_BACKENDS_SIMD_ELEMENTWISE_H_
#define LAMELLA_BACKENDS_SIMD_ELEMENTWISE_H_

#include "backends/simd/activations.h"

namespace lamella::backends {
namespace {

/// f(z) of an activation that is an instruction or two. The switch is on a value that is constant
/// over a kernel call; callers hoist it.
template <int kCode, class T>
LAMELLA_INLINE Vec<T> activation(Vec<T> slope, Vec<T> z) {
  const Vec<T> zero = broadcast(T{0});
  if constexpr (kCode == kRelu)
    return xsimd::select(z <= zero, zero, z);  // not max: NaN must pass through
  else if constexpr (kCode == kLeakyRelu)
    return xsimd::select(z < zero, slope * z, z);
  else
    return z;
}

/// z ← f(z), of any activation.
template <int kCode, int kN, class T>
LAMELLA_INLINE void activate_all(Vec<T> slope, Vec<T> (&z)[kN]) {
  if constexpr (kCode == kTanh)
    tanh<kN, T>(z);
  else if constexpr (kCode == kSigmoid)
    sigmoid<kN, T>(z);
  else if constexpr (kCode == kGelu)
    gelu<kN, T>(z);
  else if constexpr (kCode == kSilu)
    silu<kN, T>(z);
  else if constexpr (kCode == kSelu)
    exponential_unit<kN, T>(z, static_cast<T>(kSeluAlpha), static_cast<T>(kSeluScale));
  else if constexpr (kCode == kElu)
    exponential_unit<kN, T>(z, T{1}, T{1});
  else if constexpr (kCode == kMish)
    mish<kN, T>(z);
  else if constexpr (kCode == kSoftplus)
    softplus<kN, T>(z);
  else
    unroll<kN>([&](int i) LAMELLA_INLINE_LAMBDA { z[i] = activation<kCode, T>(slope, z[i]); });
}

/// d * f'(z) for a = f(z), of activations with derivatives of a.
template <int kCode, class T>
LAMELLA_INLINE Vec<T> times_derivative(Vec<T> slope, Vec<T> a, Vec<T> d) {
  const Vec<T> zero = broadcast(T{0}), one = broadcast(T{1});
  if constexpr (kCode == kRelu)
    return xsimd::select(a > zero, d, zero);
  else if constexpr (kCode == kLeakyRelu)
    return xsimd::select(a > zero, d, slope * d);
  else if constexpr (kCode == kTanh)
    return d * (one - a * a);
  else if constexpr (kCode == kSigmoid)
    return d * (a * (one - a));
  else if constexpr (kCode == kElu)
    return xsimd::select(a > zero, d, d * (a + one));
  else if constexpr (kCode == kSelu)
    return d * xsimd::select(a > zero, broadcast(static_cast<T>(kSeluScale)),
                             a + broadcast(static_cast<T>(kSeluScale * kSeluAlpha)));
  else if constexpr (kCode == kSoftplus) {
    Vec<T> less_one[1] = {zero - a};  // exp(-a) - 1
    exponential_unit<1, T>(less_one, T{1}, T{1});
    return zero - d * less_one[0];
  } else
    return d;
}

/// Calls body(Index<code>) for a run-time activation code with has_cheap_derivative.
template <class Body>
LAMELLA_INLINE void with_cheap_derivative(int code, const Body& body) {
  switch (code) {
    case kRelu:
      return body(Index<kRelu>{});
    case kLeakyRelu:
      return body(Index<kLeakyRelu>{});
    case kTanh:
      return body(Index<kTanh>{});
    case kSigmoid:
      return body(Index<kSigmoid>{});
    default:
      return body(Index<kIdentity>{});
  }
}

/// The same for any activation code.
template <class Body>
LAMELLA_INLINE void with_activation(int code, const Body& body) {
  switch (code) {
    case kGelu:
      return body(Index<kGelu>{});
    case kSilu:
      return body(Index<kSilu>{});
    case kSelu:
      return body(Index<kSelu>{});
    case kElu:
      return body(Index<kElu>{});
    case kMish:
      return body(Index<kMish>{});
    case kSoftplus:
      return body(Index<kSoftplus>{});
    default:
      return with_cheap_derivative(code, body);
  }
}

/// out[i] ← f(in[i]...) for n elements of up to two inputs; the tail goes through padded vectors.
template <class T, class F>
LAMELLA_INLINE void map(index n, const T* x, T* out, const F& f) {
  index i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(out + i, f(load(x + i)));
  if (i < n) store_n(out + i, n - i, f(load_n(x + i, n - i)));
}
template <class T, class F>
LAMELLA_INLINE void map(index n, const T* x, const T* y, T* out, const F& f) {
  index i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(out + i, f(load(x + i), load(y + i)));
  if (i < n) store_n(out + i, n - i, f(load_n(x + i, n - i), load_n(y + i, n - i)));
}
/// For bodies of an instruction or two: four vectors a round, so that the loop's own instructions
/// do not limit it. Fetching `out` ahead then gives nothing (docs/performance/log.md#row-kernels).
template <class T, class F>
LAMELLA_INLINE void map_by_four(index n, const T* x, const T* y, T* out, const F& f) {
  constexpr int kRound = 4;
  index i = 0;
  for (; i + kRound * kLanes<T> <= n; i += kRound * kLanes<T>) {
    Vec<T> result[kRound];
    unroll<kRound>([&](int q) LAMELLA_INLINE_LAMBDA {
      result[q] = f(load(x + i + q * kLanes<T>), load(y + i + q * kLanes<T>));
    });
    unroll<kRound>([&](int q) LAMELLA_INLINE_LAMBDA { store(out + i + q * kLanes<T>, result[q]); });
  }
  map(n - i, x + i, y + i, out + i, f);
}

/// Out of line: every micro-kernel would get a copy, 200 KB in all.
template <class T>
[[gnu::noinline]] LAMELLA_KERNEL void activate(int code, T slope, index n, const T* z, T* a) {
  const Vec<T> s = broadcast(slope);
  with_activation(code, [&](auto c) LAMELLA_INLINE_LAMBDA {
    constexpr int kCode = decltype(c)::value;
    constexpr index kRound = kTogether * kLanes<T>;
    index i = 0;
    for (; i + kRound <= n; i += kRound) {
      Vec<T> v[kTogether];
      unroll<kTogether>([&](int q) LAMELLA_INLINE_LAMBDA { v[q] = load(z + i + q * kLanes<T>); });
      activate_all<kCode, kTogether, T>(s, v);
      unroll<kTogether>([&](int q) LAMELLA_INLINE_LAMBDA { store(a + i + q * kLanes<T>, v[q]); });
    }
    map(n - i, z + i, a + i, [&](Vec<T> v) LAMELLA_INLINE_LAMBDA {
      Vec<T> one[1] = {v};
      activate_all<kCode, 1, T>(s, one);
      return one[0];
    });
  });
}

/// d ← d f'(z) for n elements of an activation whose derivative needs z.
template <int kCode, class T>
LAMELLA_INLINE void multiply_derivative_at(index n, const T* z, T* d) {
  constexpr index kRound = kTogether * kLanes<T>;
  index i = 0;
  for (; i + kRound <= n; i += kRound) {
    Vec<T> at[kTogether], gradient[kTogether];
    unroll<kTogether>([&](int q) LAMELLA_INLINE_LAMBDA {
      at[q] = load(z + i + q * kLanes<T>);
      gradient[q] = load(d + i + q * kLanes<T>);
    });
    times_derivative_at<kCode, kTogether, T>(at, gradient);
    unroll<kTogether>([&](int q)
                          LAMELLA_INLINE_LAMBDA { store(d + i + q * kLanes<T>, gradient[q]); });
  }
  map(n - i, z + i, d + i, d + i, [&](Vec<T> value, Vec<T> g) LAMELLA_INLINE_LAMBDA {
    Vec<T> at[1] = {value}, gradient[1] = {g};
    times_derivative_at<kCode, 1, T>(at, gradient);
    return gradient[0];
  });
}

template <class T>
[[gnu::noinline]] LAMELLA_KERNEL void activate_backward(int code, T slope, index n, const T* a,
                                                        T* d) {
  const Vec<T> s = broadcast(slope);
  with_activation(code, [&](auto c) LAMELLA_INLINE_LAMBDA {
    constexpr int kCode = decltype(c)::value;
    if constexpr (derivative_needs_input(kCode))
      multiply_derivative_at<kCode>(n, a, d);
    else
      map(n, a, d, d, [&](Vec<T> value, Vec<T> gradient) LAMELLA_INLINE_LAMBDA {
        return times_derivative<kCode, T>(s, value, gradient);
      });
  });
}

template <class T>
LAMELLA_KERNEL void bias_add_rows(index m, index n, const T* bias, T* c, index ldc) {
  for (index i = 0; i < m; ++i)
    map_by_four(n, bias, c + i * ldc, c + i * ldc,
                [](Vec<T> b, Vec<T> v) LAMELLA_INLINE_LAMBDA { return v + b; });
}

template <class T>
LAMELLA_KERNEL void bias_add_columns(index m, index n, const T* bias, index bias_stride, T* c,
                                     index ldc) {
  for (index i = 0; i < m; ++i) {
    const Vec<T> b = broadcast(bias[i * bias_stride]);
    map(n, c + i * ldc, c + i * ldc, [&](Vec<T> v) LAMELLA_INLINE_LAMBDA { return v + b; });
  }
}

/// Rows of a rank-1 update that share the loads of y, and the most bytes of a matrix for which that
/// pays. A larger matrix comes from beyond the L2, and there rows one after the other are faster,
/// because they follow each other in memory (docs/performance/log.md#row-kernels).
inline constexpr int kOuterRows = 4;
inline constexpr index kOuterBytes = 512 * 1024;

template <class T>
LAMELLA_KERNEL void outer_product(index m, index n, T alpha, const T* x, index x_stride, const T* y,
                                  T* a, index lda) {
  index i = 0;
  if ((m - 1) * lda * index{sizeof(T)} < kOuterBytes)
    for (; i + kOuterRows <= m; i += kOuterRows) {
      Vec<T> factor[kOuterRows];
      unroll<kOuterRows>([&](int r) LAMELLA_INLINE_LAMBDA {
        factor[r] = broadcast(alpha * x[(i + r) * x_stride]);
      });
      T* const rows = a + i * lda;
      index j = 0;
      for (; j + kLanes<T> <= n; j += kLanes<T>) {
        const Vec<T> v = load(y + j);
        unroll<kOuterRows>([&](int r) LAMELLA_INLINE_LAMBDA {
          T* const to = rows + r * lda + j;
          store(to, fma(factor[r], v, load(to)));
        });
      }
      if (j < n)
        unroll<kOuterRows>([&](int r) LAMELLA_INLINE_LAMBDA {
          T* const to = rows + r * lda + j;
          store_n(to, n - j, fma(factor[r], load_n(y + j, n - j), load_n(to, n - j)));
        });
    }
  for (; i < m; ++i) {
    const Vec<T> factor = broadcast(alpha * x[i * x_stride]);
    map_by_four(n, y, a + i * lda, a + i * lda,
                [&](Vec<T> v, Vec<T> w) LAMELLA_INLINE_LAMBDA { return fma(factor, v, w); });
  }
}

template <class T>
LAMELLA_KERNEL void sgd_update(index n, T learning_rate, T momentum, T weight_decay, bool nesterov,
                               const T* gradient, T* velocity, T* weights) {
  const Vec<T> minus_rate = broadcast(-learning_rate), decay = broadcast(weight_decay),
               mu = broadcast(momentum);
  if (velocity == nullptr) {
    map_by_four(n, gradient, weights, weights, [&](Vec<T> g, Vec<T> w) LAMELLA_INLINE_LAMBDA {
      return fma(minus_rate, fma(decay, w, g), w);
    });
    return;
  }
  for (index i = 0; i < n; i += kLanes<T>) {
    const index count = n - i < kLanes<T> ? n - i : kLanes<T>;
    const bool whole = count == kLanes<T>;
    const Vec<T> w = whole ? load(weights + i) : load_n(weights + i, count);
    const Vec<T> g = fma(decay, w, whole ? load(gradient + i) : load_n(gradient + i, count));
    const Vec<T> v = fma(mu, whole ? load(velocity + i) : load_n(velocity + i, count), g);
    const Vec<T> updated = fma(minus_rate, nesterov ? fma(mu, v, g) : v, w);
    if (whole) {
      store(velocity + i, v);
      store(weights + i, updated);
    } else {
      store_n(velocity + i, count, v);
      store_n(weights + i, count, updated);
    }
  }
}

template <class T>
LAMELLA_KERNEL void adam_update(const AdamBlock<T>& s) {
  const Vec<T> beta1 = broadcast(s.beta1), one_minus_beta1 = broadcast(s.one_minus_beta1),
               beta2 = broadcast(s.beta2), one_minus_beta2 = broadcast(s.one_minus_beta2),
               decay = broadcast(s.weight_decay), keep = broadcast(s.weight_scale),
               minus_step = broadcast(-s.step_size), epsilon = broadcast(s.epsilon);
  // Division and square root are exactly rounded in every lane, so a vector's place does not show.
  const auto advance = [&](Vec<T> gradient, Vec<T>& m, Vec<T>& v, Vec<T>& w) LAMELLA_INLINE_LAMBDA {
    const Vec<T> g = fma(decay, w, gradient);
    m = fma(beta1, m, one_minus_beta1 * g);
    v = fma(beta2, v, one_minus_beta2 * (g * g));
    w = fma(minus_step, quotient(m, root(v) + epsilon), keep * w);
  };
  index i = 0;
  for (; i + kLanes<T> <= s.n; i += kLanes<T>) {
    Vec<T> m = load(s.first + i), v = load(s.second + i), w = load(s.weights + i);
    advance(load(s.gradient + i), m, v, w);
    store(s.first + i, m);
    store(s.second + i, v);
    store(s.weights + i, w);
  }
  if (const index rest = s.n - i; rest > 0) {
    Vec<T> m = load_n(s.first + i, rest), v = load_n(s.second + i, rest),
           w = load_n(s.weights + i, rest);
    advance(load_n(s.gradient + i, rest), m, v, w);
    store_n(s.first + i, rest, m);
    store_n(s.second + i, rest, v);
    store_n(s.weights + i, rest, w);
  }
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_ELEMENTWISE_H_
