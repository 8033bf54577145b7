// How the calls of a plan use the mini-batch that the plan gathers.
#include <new>
#include <optional>
#include <variant>
#include <vector>

#include "backends/driver/blocked_kernels.h"
#include "backends/driver/gemm_algorithm.h"

namespace lamella::backends {
namespace {

template <class T>
bool same(const ConstView<T>& a, const ConstView<T>& b) {
  return a.data == b.data && a.rows == b.rows && a.cols == b.cols && a.row_stride == b.row_stride &&
         a.col_stride == b.col_stride;
}

/// How a product uses the batch `x` (samples x features); nothing if it reads x, or a part of it,
/// in another way than as the whole B of tiles.
template <class T>
std::optional<BatchUse> use_of(const KernelTable<T>& table, const FusedGemm<T>& call,
                               ConstView<T> x) {
  const Gemm<T>& g = call.gemm;
  if (g.a.data != x.data && g.b.data != x.data) return BatchUse::none;
  const FusedGemm<T> product = first_pass(call);
  const Algorithm algorithm = choose_algorithm(table, product);
  if (algorithm != Algorithm::tiles && algorithm != Algorithm::tiles_transposed)
    return std::nullopt;
  const ConstView<T> b = make_problem(product, orientation_of(algorithm)).b.matrix;
  if (same<T>(b, x)) return BatchUse::samples_are_rows;
  if (same<T>(b, transposed(x))) return BatchUse::samples_are_columns;
  return std::nullopt;
}

}  // namespace

template <class T>
std::vector<BatchUse> BlockedKernels<T>::batch_uses(const Plan<T>& plan) const noexcept {
  if (plan.transient_outputs.empty()) return {};
  const std::size_t gather = plan.transient_outputs.front();
  const auto* samples = std::get_if<GatherBytes<T>>(&plan.calls[gather]);
  if (samples == nullptr || PackedBatch<T>::bytes(table_, *samples) == 0) return {};
  std::vector<BatchUse> uses;
  try {
    uses.resize(plan.calls.size(), BatchUse::none);
  } catch (const std::bad_alloc&) {
    return {};
  }
  uses[gather] = BatchUse::gathers;
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    const auto* product = std::get_if<FusedGemm<T>>(&plan.calls[i]);
    if (product == nullptr) continue;
    const std::optional<BatchUse> use = use_of<T>(table_, *product, samples->out);
    if (!use) return {};
    uses[i] = *use;
  }
  return uses;
}

template std::vector<BatchUse> BlockedKernels<float>::batch_uses(const Plan<float>&) const noexcept;
template std::vector<BatchUse> BlockedKernels<double>::batch_uses(
    const Plan<double>&) const noexcept;

}  // namespace lamella::backends
