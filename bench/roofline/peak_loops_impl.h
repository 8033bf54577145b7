// The peak loops, written once for vectors of any width; each instruction-set unit instantiates
// them.
//
// A unit passes types V with: element, vector (a compiler vector type), kChains, the two operations
// `even` and `odd` of a step, and the flops per lane of both, kFlops. Everything has internal
// linkage, so that no copy compiled for a wide instruction set can be linked in place of another's.
#ifndef LAMELLA_BENCH_ROOFLINE_PEAK_LOOPS_IMPL_H_
#define LAMELLA_BENCH_ROOFLINE_PEAK_LOOPS_IMPL_H_

#include <utility>

#include "bench/roofline/peak_loops.h"

#define LAMELLA_BENCH_INLINE [[gnu::always_inline]] inline

namespace lamella::bench {
namespace {

/// On x86 a step is x ← x² - 1.9, a chaotic map of [-1.9, 1.71] into itself: the values neither
/// settle (multipliers fed with constants draw less power, and on some machines clock higher, than
/// any real work) nor ever become infinite or subnormal.
///
/// Volatile, because a compiler that knows the constant finds chains that return to their start (on
/// NEON) and deletes them.
const volatile double map_constant = -1.9;

template <class V>
LAMELLA_BENCH_INLINE typename V::vector broadcast(double value) {
  return typename V::vector{} + static_cast<typename V::element>(value);
}

template <class V>
double sum_of_lanes(typename V::vector v) {
  double sum = 0;
  for (unsigned i = 0; i < sizeof(v) / sizeof(typename V::element); ++i)
    sum += static_cast<double>(v[i]);
  return sum;
}

// Indices into `acc` are constants after the fold, which is what keeps it in registers.
template <class V, int... I>
LAMELLA_BENCH_INLINE double fma_loop(ptrdiff_t steps, std::integer_sequence<int, I...>) {
  const auto c = broadcast<V>(map_constant);
  typename V::vector acc[] = {broadcast<V>(0.05 * (I + 1))...};
  for (ptrdiff_t step = 0; step < steps; ++step) {
    ((acc[I] = V::even(acc[I], c)), ...);
    ((acc[I] = V::odd(acc[I], c)), ...);
  }
  return (sum_of_lanes<V>(acc[I]) + ...);
}

template <class V>
double fma(ptrdiff_t steps) {
  return fma_loop<V>(steps, std::make_integer_sequence<int, V::kChains>{});
}

template <class V>
constexpr double flops_per_step = V::kFlops* V::kChains * sizeof(typename V::vector) /
                                  sizeof(typename V::element);

// Memory loops move eight vectors a turn.
using Eight = std::make_integer_sequence<int, 8>;

template <class V>
constexpr ptrdiff_t lanes = sizeof(typename V::vector) / sizeof(typename V::element);

template <class V>
LAMELLA_BENCH_INLINE typename V::vector load(const float* p) {
  return *reinterpret_cast<const typename V::vector*>(p);
}

template <class V>
LAMELLA_BENCH_INLINE void store(float* p, typename V::vector v) {
  *reinterpret_cast<typename V::vector*>(p) = v;
}

template <class V, int... I>
LAMELLA_BENCH_INLINE float read_loop(const float* a, ptrdiff_t n,
                                     std::integer_sequence<int, I...>) {
  typename V::vector sum[] = {broadcast<V>(0 * I)...};
  for (ptrdiff_t i = 0; i < n; i += 8 * lanes<V>) ((sum[I] += load<V>(a + i + I * lanes<V>)), ...);
  return static_cast<float>(sum_of_lanes<V>((sum[I] + ...)));
}

template <class V, int... I>
LAMELLA_BENCH_INLINE void copy_loop(float* to, const float* from, ptrdiff_t n,
                                    std::integer_sequence<int, I...>) {
  for (ptrdiff_t i = 0; i < n; i += 8 * lanes<V>)
    (store<V>(to + i + I * lanes<V>, load<V>(from + i + I * lanes<V>)), ...);
}

template <class V, int... I>
LAMELLA_BENCH_INLINE void scale_loop(float* a, float s, ptrdiff_t n,
                                     std::integer_sequence<int, I...>) {
  const auto factor = typename V::vector{} + s;
  for (ptrdiff_t i = 0; i < n; i += 8 * lanes<V>)
    (store<V>(a + i + I * lanes<V>, load<V>(a + i + I * lanes<V>) * factor), ...);
}

template <class V, int... I>
LAMELLA_BENCH_INLINE void triad_loop(float* a, const float* b, const float* c, float s, ptrdiff_t n,
                                     std::integer_sequence<int, I...>) {
  const auto factor = typename V::vector{} + s;
  for (ptrdiff_t i = 0; i < n; i += 8 * lanes<V>)
    (store<V>(a + i + I * lanes<V>,
              load<V>(b + i + I * lanes<V>) + factor * load<V>(c + i + I * lanes<V>)),
     ...);
}

template <class V, int... I>
LAMELLA_BENCH_INLINE void axpy_loop(float* a, const float* b, float s, ptrdiff_t n,
                                    std::integer_sequence<int, I...>) {
  const auto factor = typename V::vector{} + s;
  for (ptrdiff_t i = 0; i < n; i += 8 * lanes<V>)
    (store<V>(a + i + I * lanes<V>,
              load<V>(a + i + I * lanes<V>) + factor * load<V>(b + i + I * lanes<V>)),
     ...);
}

template <class V>
float read(const float* a, ptrdiff_t n) {
  return read_loop<V>(a, n, Eight{});
}
template <class V>
void copy(float* to, const float* from, ptrdiff_t n) {
  copy_loop<V>(to, from, n, Eight{});
}
template <class V>
void scale(float* a, float s, ptrdiff_t n) {
  scale_loop<V>(a, s, n, Eight{});
}
template <class V>
void triad(float* a, const float* b, const float* c, float s, ptrdiff_t n) {
  triad_loop<V>(a, b, c, s, n, Eight{});
}

template <class V>
void axpy(float* a, const float* b, float s, ptrdiff_t n) {
  axpy_loop<V>(a, b, s, n, Eight{});
}

template <class F32, class F64>
constexpr PeakLoops make_peak_loops(const char* isa) {
  static_assert(kPeakGranule % (8 * lanes<F32>) == 0);
  return {isa,       fma<F32>,  fma<F64>,   flops_per_step<F32>, flops_per_step<F64>,
          read<F32>, copy<F32>, scale<F32>, triad<F32>,          axpy<F32>};
}

}  // namespace
}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_ROOFLINE_PEAK_LOOPS_IMPL_H_
