// Builds the kernel tables of one instruction set from the families of kernels.
//
// The last include of an instruction set's header; each of its two units then defines one constant.
#ifndef LAMELLA_BACKENDS_SIMD_TABLE_H_
#define LAMELLA_BACKENDS_SIMD_TABLE_H_

#include "backends/simd/batch_norm.h"
#include "backends/simd/constrain_rows.h"
#include "backends/simd/drop_units.h"
#include "backends/simd/gather.h"
#include "backends/simd/gemm_small_m.h"
#include "backends/simd/packing.h"
#include "backends/simd/rows.h"
#include "backends/simd/scale_shift.h"

namespace lamella::backends {
namespace {

/// Sizes a unit chooses for itself; see GemmTuning.
struct UnitTuning {
  index kc, mc, nc, small_m, small_m_depth;
};

template <class T>
constexpr KernelTable<T> make_table(const char* isa, UnitTuning unit) {
  KernelTable<T> table{};
  table.isa = isa;
  table.mr = kRows;
  table.nr = kPanel<T>;
  table.kc = unit.kc;
  table.mc = unit.mc;
  table.nc = unit.nc;
  table.loop_order = kLoopOrder;
  table.packs_a = kLoopOrder == LoopOrder::jr_ir;
  table.packs_b_rows = true;
  table.rows_for_samples = kWidens<T> ? kFewestHighRows : 0;
  table.small_k = kSmallK;
  table.small_m = unit.small_m;
  table.small_m_depth = unit.small_m_depth;
  table.gemm = gemm<T>;
  if constexpr (kLoopOrder == LoopOrder::jr_ir) table.pack_a = pack_a<T>;
  table.pack_b = pack_b<T>;
  table.pack_samples = pack_samples<T>;
  table.gemm_small_m = gemm_small_m<T>;
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
  table.scale_shift_rows = scale_shift_rows<T>;
  table.scale_shift_columns = scale_shift_columns<T>;
  table.scale_shift_backward_rows = scale_shift_backward_rows<T>;
  table.scale_shift_backward_columns = scale_shift_backward_columns<T>;
  table.gather_columns = gather_columns<T>;
  table.batch_norm = batch_norm<T>;
  table.batch_norm_backward = batch_norm_backward<T>;
  table.sgd_update = sgd_update<T>;
  table.adam_update = adam_update<T>;
  table.constrain_rows = constrain_rows<T>;
  table.drop_units = drop_units<T>;
  return table;
}

}  // namespace
}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SIMD_TABLE_H_
