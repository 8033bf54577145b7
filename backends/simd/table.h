// Builds the kernel tables of one instruction set from the families of kernels.
//
// The last include of a per-ISA unit, which then defines its two exported constants.
#ifndef LAMELLA_BACKENDS_SIMD_TABLE_H_
#define LAMELLA_BACKENDS_SIMD_TABLE_H_

#include "backends/simd/gather.h"
#include "backends/simd/gemm_small_m.h"
#include "backends/simd/packing.h"
#include "backends/simd/rows.h"

namespace lamella::backends {
namespace {

/// Sizes a unit chooses for itself; see KernelTable.
struct Blocking {
  index kc, mc, nc, dots_rows, dots_depth;
};

template <class T>
constexpr KernelTable<T> make_table(const char* isa, Blocking blocking) {
  KernelTable<T> table{};
  table.isa = isa;
  table.mr = kRows;
  table.nr = kPanel<T>;
  table.kc = blocking.kc;
  table.mc = blocking.mc;
  table.nc = blocking.nc;
  table.gemm = gemm<T>;
  table.packs_b_in_passing = true;
  if constexpr (kWidens<T>) table.rows_for_bytes = kFewestHighRows;
  table.along_rows = kAlongRows;
  table.short_depth = kShortDepth;
  if constexpr (!kAlongRows) table.pack_a = pack_a<T>;
  table.pack_b = pack_b<T>;
  table.pack_samples = pack_samples<T>;
  table.gemm_dots = gemm_dots<T>;
  table.dots_rows = blocking.dots_rows;
  table.dots_depth = blocking.dots_depth;
  table.gemv = gemv<T>;
  table.outer_product = outer_product<T>;
  table.bias_add_rows = bias_add_rows<T>;
  table.bias_add_columns = bias_add_columns<T>;
  table.softmax_rows = softmax_rows<T>;
  table.softmax_columns = softmax_columns<T>;
  table.softmax_nll_rows = softmax_nll_rows<T>;
  table.softmax_nll_columns = softmax_nll_columns<T>;
  table.activate = activate<T>;
  table.activate_backward = activate_backward<T>;
  table.row_sums = row_sums<T>;
  table.column_sums = column_sums<T>;
  table.gather_columns = gather_columns<T>;
  table.sgd_update = sgd_update<T>;
  table.adam_update = adam_update<T>;
  return table;
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_TABLE_H_
