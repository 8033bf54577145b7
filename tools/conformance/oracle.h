// What each kernel should compute, in wider arithmetic and plain loops, with the magnitudes from
// which error bounds are made.
//
// Shares no code with the library, only the structs of operands (kernels.h).
// Results are row-major vectors of the shape of the kernel's output.
#ifndef LAMELLA_TOOLS_CONFORMANCE_ORACLE_H_
#define LAMELLA_TOOLS_CONFORMANCE_ORACLE_H_

#include <cstdint>
#include <vector>

#include <lamella/kernels.h>

namespace lamella::oracle {

/// Arithmetic wider than T: double for float, long double for double.
template <class T>
struct WideOf;
template <>
struct WideOf<float> {
  using type = double;
};
template <>
struct WideOf<double> {
  using type = long double;
};
template <class T>
using Wide = typename WideOf<T>::type;

/// Values, and the sum of the absolute values of the terms each is the sum of.
template <class X>
struct Sums {
  std::vector<X> values;
  std::vector<X> magnitudes;
};

/// alpha A B + beta C (C is read only if beta is not 0, A and B only if alpha is not 0), and
/// |alpha| |A| |B| + |beta| |C|.
template <class T>
Sums<Wide<T>> gemm(const Gemm<T>& call);

/// A + alpha x yᵀ, and |A| + |alpha x yᵀ|.
template <class T>
Sums<Wide<T>> outer_product(const OuterProduct<T>& call);

/// beta sums + alpha Aᵀ 1, and the same of the absolute values.
template <class T>
Sums<Wide<T>> column_sums(const ColumnSums<T>& call);

/// Softmax of each row; NaN for a row that holds NaN, +inf or only -inf.
template <class T>
std::vector<long double> softmax(ConstView<T> logits);

struct SoftmaxNllResult {
  std::vector<long double> losses;
  std::vector<long double> gradient;
  std::vector<std::int32_t> predictions;
};
/// Classes whose target is 0 do not enter the loss, so a masked class (-inf) leaves it finite.
template <class T>
SoftmaxNllResult softmax_nll(const SoftmaxNll<T>& call);

/// f(z).
long double activate(const Activation& activation, long double z);
/// f'(z), given a = f(z).
long double derivative(const Activation& activation, long double a);

struct SgdResult {
  std::vector<long double> velocity;  ///< empty if the call has none
  std::vector<long double> weights;
};
template <class T>
SgdResult sgd_update(const SgdUpdate<T>& call);

struct AdamResult {
  std::vector<long double> first, second, weights;
};
template <class T>
AdamResult adam_update(const AdamUpdate<T>& call);

}  // namespace lamella::oracle

#endif  // LAMELLA_TOOLS_CONFORMANCE_ORACLE_H_
