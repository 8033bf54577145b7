// What a library must offer to be measured beside lamella: calls on plain row-major memory.
//
// Each executable of this directory links one peer (blas.cpp, eigen.cpp, ...) to one harness
// (harness.cpp); a process holds no second peer, whose threads could get in the way.
#ifndef LAMELLA_BENCH_PEERS_KERNELS_PEER_H_
#define LAMELLA_BENCH_PEERS_KERNELS_PEER_H_

#include <functional>
#include <memory>
#include <string>

namespace lamella::peers {

/// C ← alpha op(A) op(B) + beta C, all row-major and dense: op(A) is m x k, op(B) is k x n, C is
/// m x n. A is stored k x m if `transpose_a`, B n x k if `transpose_b`.
template <class T>
struct Product {
  bool transpose_a = false;
  bool transpose_b = false;
  int m = 0, n = 0, k = 0;
  T alpha = 1;
  const T* a = nullptr;
  const T* b = nullptr;
  T beta = 0;
  T* c = nullptr;

  int lda() const { return transpose_a ? m : k; }
  int ldb() const { return transpose_b ? k : n; }
  int ldc() const { return n; }
};

/// An operation with its operands, ready to be made again and again.
using Call = std::function<void()>;

struct PeerOptions {
  std::string library;  ///< path of the shared library; of no meaning where one is linked
  int threads = 1;
};

/// A library. Each function returns an empty Call where the library has no such operation.
class Peer {
 public:
  virtual ~Peer() = default;

  /// Version, and which of its kernels it has chosen where it tells.
  virtual std::string version() const = 0;

  /// With m = 1 a library may use its matrix-vector product. Nothing may be packed in advance.
  virtual Call product(const Product<float>&) { return {}; }
  virtual Call product(const Product<double>&) { return {}; }
  /// A[m, n] ← A + alpha x yᵀ.
  virtual Call rank_one(float /*alpha*/, const float* /*x*/, const float* /*y*/, float* /*a*/,
                        int /*m*/, int /*n*/) {
    return {};
  }
  /// Adds bias[n] to each row of c[m, n].
  virtual Call bias_add(const float* /*bias*/, float* /*c*/, int /*m*/, int /*n*/) { return {}; }
  /// Softmax of each row of logits[m, n].
  virtual Call softmax(const float* /*logits*/, float* /*probabilities*/, int /*m*/, int /*n*/) {
    return {};
  }
};

/// The peer of this executable, told to use that many threads. Throws std::exception if it cannot.
std::unique_ptr<Peer> open_peer(const PeerOptions& options);

}  // namespace lamella::peers

#endif  // LAMELLA_BENCH_PEERS_KERNELS_PEER_H_
