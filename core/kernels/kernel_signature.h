// What a kernel call is, apart from its data: kernel, element type, shape, options, and the work
// that one call does.
//
// For code that reports about calls (trace.cpp, profile.cpp), in the middle of kernels: nothing
// here allocates or throws.
#ifndef LAMELLA_CORE_KERNELS_KERNEL_SIGNATURE_H_
#define LAMELLA_CORE_KERNELS_KERNEL_SIGNATURE_H_

#include <cstdint>
#include <string_view>

#include <lamella/kernels.h>

#include "core/kernels/describe.h"
#include "core/kernels/line.h"

namespace lamella::detail {

/// A number for each kernel of the list.
enum class KernelId : std::uint8_t {
#define LAMELLA_ID(Operands, function, requirement, matrix) function,
  LAMELLA_FOR_EACH_KERNEL(LAMELLA_ID)
#undef LAMELLA_ID
};

#define LAMELLA_ID_OF(Operands, function, requirement, matrix) \
  template <class T>                                           \
  constexpr KernelId id_of(const Operands<T>&) {               \
    return KernelId::function;                                 \
  }
LAMELLA_FOR_EACH_KERNEL(LAMELLA_ID_OF)
#undef LAMELLA_ID_OF

/// What one call of a kernel does.
struct CallWork {
  double flops = 0;      ///< of products; 0 for all other kernels
  double bytes = 0;      ///< each matrix once for every time it must be read or written
  double footprint = 0;  ///< bytes of distinct memory among which the matrices lie

  friend bool operator==(const CallWork&, const CallWork&) = default;
};

/// Calls with equal signatures do the same work on other numbers.
struct KernelSignature {
  KernelId kernel = KernelId::gemm;
  std::uint8_t element_size = sizeof(float);
  std::uint8_t options = 0;   ///< one bit for each KernelOption
  bool has_backward = false;  ///< multiplies by the derivative of `backward_of`
  ActivationKind activation = ActivationKind::identity;
  ActivationKind backward_of = ActivationKind::identity;
  index_t rows = 0, cols = 0;  ///< of KernelTraits::matrix
  index_t depth = -1;          ///< k of a product; -1 for all other kernels
  CallWork work;

  friend bool operator==(const KernelSignature&, const KernelSignature&) = default;
};

const char* name_of(KernelId kernel) noexcept;

/// Adds a word such as "128x512x784", MxNxK of a product or MxN.
void add_shape(Line& line, const KernelSignature& signature) noexcept;
/// Adds words such as "bias relu", or none.
void add_options(Line& line, const KernelSignature& signature) noexcept;

/// Fills in a signature from a description (describe.h).
class SignatureBuilder {
 public:
  /// What is to be known of an operand; of a vector, nothing.
  struct Token {
    const void* data = nullptr;
    index_t rows = 0, cols = 0;
    double bytes = 0;
  };

  explicit SignatureBuilder(KernelSignature& signature) : signature_(signature) {}

  template <class X>
  Token in(std::string_view, View<X> matrix) {
    return add(matrix, 1);
  }
  template <class X>
  Token out(std::string_view, View<X> matrix) {
    return add(matrix, 1);
  }
  template <class X>
  Token inout(std::string_view, View<X> matrix) {
    return add(matrix, 2);
  }
  template <class X>
  Token in(std::string_view, VectorView<X>) {
    return {};
  }
  template <class X>
  Token out(std::string_view, VectorView<X>) {
    return {};
  }
  template <class X>
  Token inout(std::string_view, VectorView<X>) {
    return {};
  }

  void product(const Token& a, const Token&, const Token& c) {
    signature_.depth = a.cols;
    flops(2.0 * static_cast<double>(c.rows) * static_cast<double>(c.cols) *
          static_cast<double>(a.cols));
  }
  void same_or_disjoint(const Token& written, const Token& other) {
    if (written.data == other.data) signature_.work.footprint -= written.bytes;
  }
  void activation(const Activation& f) { signature_.activation = f.kind; }
  void backward_of(const Activation& g) {
    signature_.has_backward = true;
    signature_.backward_of = g.kind;
  }
  void option(KernelOption option) {
    signature_.options =
        static_cast<std::uint8_t>(signature_.options | 1u << static_cast<int>(option));
  }
  void flops(double count) { signature_.work.flops = count; }
  void traffic(double bytes, double distinct) {
    signature_.work.bytes += bytes;
    signature_.work.footprint += distinct;
  }

  // For checks only.
  void same_shape(const Token&, const Token&) {}
  void entries(const Token&, index_t, const Token&) {}
  void disjoint(const Token&, const Token&) {}
  template <class X>
  void finite(std::string_view, X) {}
  template <class Message>
  void require(bool, const Message&) {}

 private:
  template <class X>
  Token add(View<X> matrix, int passes) {
    const double bytes = static_cast<double>(matrix.rows) * static_cast<double>(matrix.cols) *
                         static_cast<double>(sizeof(X));
    traffic(passes * bytes, bytes);
    return {matrix.data, matrix.rows, matrix.cols, bytes};
  }

  KernelSignature& signature_;
};

template <class Call>
KernelSignature signature_of(const Call& call) noexcept {
  KernelSignature signature;
  signature.kernel = id_of(call);
  signature.element_size = sizeof(typename KernelTraits<Call>::Element);
  const auto matrix = KernelTraits<Call>::matrix(call);
  signature.rows = matrix.rows;
  signature.cols = matrix.cols;
  SignatureBuilder builder(signature);
  describe(call, builder);
  return signature;
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_KERNELS_KERNEL_SIGNATURE_H_
