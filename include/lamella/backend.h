// The abstract Backend: identity, capabilities, and checked entry points to its kernels.
//
// Shape, stride, overlap and null checks happen here, once, so that no two backends disagree about
// bad input; behind them stand the noexcept kernels of kernels.h. How to get a backend:
// backend_selection.h.
#ifndef LAMELLA_BACKEND_H_
#define LAMELLA_BACKEND_H_

#include <string>
#include <type_traits>

#include <lamella/export.h>
#include <lamella/kernels.h>
#include <lamella/packed_matrix.h>

namespace lamella {

/// Who a backend is and what it may use.
struct BackendInfo {
  std::string name;  ///< "scalar", "simd", "openmp", "tbb", or a plugin's name
  std::string isa;   ///< instruction set of its kernels: "scalar", "baseline", "avx2", ...
  int threads = 1;   ///< most threads a call may use
  std::string threads_limited_by;  ///< what decided `threads`, in words
};

/// A set of kernels chosen at run time. Safe to share between threads. Logically immutable: equal
/// calls give equal bits, while what a backend learns about its threads may change its speed.
class LAMELLA_API Backend {
 public:
  virtual ~Backend() = default;

  virtual const BackendInfo& info() const noexcept = 0;
  /// Unchecked kernels, for callers that have checked their operands (the network does, once a
  /// plan).
  virtual const Kernels<float>& f32() const noexcept = 0;
  virtual const Kernels<double>& f64() const noexcept = 0;

  template <class T>
  const Kernels<T>& kernels() const noexcept {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
    if constexpr (std::is_same_v<T, float>)
      return f32();
    else
      return f64();
  }

  /// Kernels cannot report errors, so a backend whose kernels can fail (a plugin's) remembers its
  /// first failure, and this throws it as BackendError, from then on at every call. Whoever uses
  /// unchecked kernels calls it before trusting their results; the network does after each step.
  virtual void throw_if_failed() const {}

  /// Checked calls: each throws ArgumentError, naming operand and shape, when the operands are not
  /// as the struct's documentation in kernels.h demands. Nothing is written then. O(1) besides the
  /// kernel, except softmax_nll, which looks at every label.
  template <class T>
  void run(const Gemm<T>& call) const;
  template <class T>
  void run(const FusedGemm<T>& call) const;
  template <class T>
  void run(const BiasAdd<T>& call) const;
  template <class T>
  void run(const Softmax<T>& call) const;
  template <class T>
  void run(const OuterProduct<T>& call) const;
  template <class T>
  void run(const Activate<T>& call) const;
  template <class T>
  void run(const ActivateBackward<T>& call) const;
  template <class T>
  void run(const SoftmaxNll<T>& call) const;
  template <class T>
  void run(const ColumnSums<T>& call) const;
  template <class T>
  void run(const SgdUpdate<T>& call) const;
  template <class T>
  void run(const AdamUpdate<T>& call) const;
  template <class T>
  void run(const GatherBytes<T>& call) const;

  /// C ← alpha A B + beta C.
  template <class T>
  void gemm(std::type_identity_t<T> alpha, ConstView<std::type_identity_t<T>> a,
            ConstView<std::type_identity_t<T>> b, std::type_identity_t<T> beta, View<T> c) const {
    run(Gemm<T>{alpha, a, b, beta, c});
  }
  /// The same with B packed in advance for this backend.
  template <class T>
  void gemm(std::type_identity_t<T> alpha, ConstView<std::type_identity_t<T>> a,
            const PackedMatrix<std::type_identity_t<T>>& b, std::type_identity_t<T> beta,
            View<T> c) const {
    run(Gemm<T>{alpha, a, b.view(), beta, c, &b});
  }
  /// Adds `bias` to every row of `c`.
  template <class T>
  void bias_add(ConstVectorView<std::type_identity_t<T>> bias, View<T> c) const {
    run(BiasAdd<T>{bias, c});
  }
  /// Softmax of each row of `logits`.
  template <class T>
  void softmax(ConstView<std::type_identity_t<T>> logits, View<T> probabilities) const {
    run(Softmax<T>{logits, probabilities});
  }
  /// A ← A + alpha x yᵀ.
  template <class T>
  void outer_product(std::type_identity_t<T> alpha, ConstVectorView<std::type_identity_t<T>> x,
                     ConstVectorView<std::type_identity_t<T>> y, View<T> a) const {
    run(OuterProduct<T>{alpha, x, y, a});
  }
};

}  // namespace lamella

#endif  // LAMELLA_BACKEND_H_
