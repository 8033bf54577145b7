// What tells plans and products from others as far as their running time goes.
#ifndef LAMELLA_BACKENDS_THREADING_PLAN_KEY_H_
#define LAMELLA_BACKENDS_THREADING_PLAN_KEY_H_

#include <cstdint>
#include <variant>

#include <lamella/kernels.h>

#include "backends/kernel_table.h"

namespace lamella::backends {

/// A key of shapes, and how much arithmetic they are.
struct Work {
  std::uint64_t key = 0;
  double flops = 0;

  void mix(index value) {
    key = (key ^ static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15u;
    key ^= key >> 32;
  }
  template <class T>
  void add(const Gemm<T>& g) {
    mix(g.c.rows);
    mix(g.c.cols);
    mix(g.a.cols);
    flops += 2.0 * static_cast<double>(g.c.size()) * static_cast<double>(g.a.cols);
  }
};

template <class T>
Work work_of(const Plan<T>& plan) {
  Work work;
  for (const KernelCall<T>& call : plan.calls) {
    work.mix(static_cast<index>(call.index()));
    if (const auto* product = std::get_if<FusedGemm<T>>(&call)) work.add(product->gemm);
  }
  return work;
}

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_PLAN_KEY_H_
