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

/// What a backend is called and what it may use.
struct BackendInfo {
  std::string name;  ///< "scalar", "simd", "openmp", "tbb", or a plugin's name
  std::string isa;   ///< instruction set of its kernels: "scalar", "baseline", "avx2", ...
  int threads = 1;   ///< most threads a call may use
  std::string threads_limited_by;  ///< what decided `threads`, in words
};

/// A set of kernels chosen at run time. Safe to share between threads.
///
/// Logically immutable: the same call gives the same bits at any time and on any number of threads.
/// Its speed is adaptive: a backend may learn from its calls on how many threads the next ones are
/// fastest.
class LAMELLA_API Backend {
 public:
  virtual ~Backend() = default;

  virtual const BackendInfo& info() const noexcept = 0;
  /// Unchecked kernels, for callers that check operands themselves. The network checks a plan once,
  /// when it builds it.
  virtual const Kernels<float>& f32() const noexcept = 0;
  virtual const Kernels<double>& f64() const noexcept = 0;

  template <class T>
  const Kernels<T>& kernels() const noexcept {
    static_assert(kIsElement<T>, "lamella computes with elements of type float or double");
    if constexpr (std::is_same_v<T, float>)
      return f32();
    else
      return f64();
  }

  /// Kernels cannot report errors. A backend whose kernels can fail (a plugin's) remembers the
  /// first failure, and from then on this function throws it, as BackendError, at every call. Call
  /// it after unchecked kernels, before their results are used; the network does after each step.
  virtual void throw_if_failed() const {}

  /// The checked call of each kernel of LAMELLA_FOR_EACH_KERNEL, for example run(BiasAdd<T>{...}).
  /// Throws ArgumentError, naming operand and shape, when the operands are not as the struct's
  /// documentation in kernels.h demands; nothing is written then. Throws BackendError as
  /// throw_if_failed() does. O(1) besides the kernel, except for the calls whose operands hold
  /// labels (softmax_nll) or indices (gather_bytes, move_images), each of which is looked at.
#define LAMELLA_DEFINE_RUN(Operands, function, requirement, matrix)                         \
  template <class T>                                                                        \
  void run(const Operands<T>& call) const {                                                 \
    static_assert(kIsElement<T>, "lamella computes with elements of type float or double"); \
    run_checked(call);                                                                      \
  }
  LAMELLA_FOR_EACH_KERNEL(LAMELLA_DEFINE_RUN)
#undef LAMELLA_DEFINE_RUN

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

 private:
#define LAMELLA_DECLARE_RUN(Operands, function, requirement, matrix) \
  template <class T>                                                 \
  void run_checked(const Operands<T>& call) const;
  LAMELLA_FOR_EACH_KERNEL(LAMELLA_DECLARE_RUN)
#undef LAMELLA_DECLARE_RUN
};

}  // namespace lamella

#endif  // LAMELLA_BACKEND_H_
