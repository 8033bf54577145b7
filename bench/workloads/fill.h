// Numbers for operands under measurement: any will do that are neither special nor all the same.
#ifndef LAMELLA_BENCH_WORKLOADS_FILL_H_
#define LAMELLA_BENCH_WORKLOADS_FILL_H_

#include <cstdint>

#include <lamella/view.h>

namespace lamella::bench {

/// Fills with numbers uniform in [-1, 1), the same every time. O(n), about a nanosecond each.
template <class T>
void fill(T* values, index_t n) {
  std::uint32_t state = 12345;
  for (index_t i = 0; i < n; ++i) {
    state = state * 1664525U + 1013904223U;
    values[i] = static_cast<T>(static_cast<std::int32_t>(state)) / static_cast<T>(2147483648.0);
  }
}

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_WORKLOADS_FILL_H_
