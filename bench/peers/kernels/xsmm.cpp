// libxsmm: kernels generated at run time for each shape. They run on one thread.
//
// libxsmm thinks in columns: row-major C = A B is Cᵀ = Bᵀ Aᵀ to it, the operands exchanged. It
// generates no kernel for a transposed first operand (our B), so B is transposed by libxsmm's own
// routine in every call: nothing is prepared in advance.
#include <libxsmm.h>

#include <stdexcept>
#include <vector>

#include "bench/peers/kernels/peer.h"

namespace lamella::peers {
namespace {

class Xsmm : public Peer {
 public:
  std::string version() const override {
    return std::string("libxsmm ") + LIBXSMM_VERSION + ", kernels: " + libxsmm_get_target_arch();
  }

  Call product(const Product<float>& p) override {
    const int flags = p.transpose_a ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
    const int lda = p.lda(), ldb = p.n, ldc = p.ldc();
    const int prefetch = LIBXSMM_GEMM_PREFETCH_NONE;
    const auto kernel =
        libxsmm_smmdispatch(p.n, p.m, p.k, &ldb, &lda, &ldc, &p.alpha, &p.beta, &flags, &prefetch);
    if (kernel == nullptr) return {};
    if (!p.transpose_b) return [=] { kernel(p.b, p.a, p.c); };
    auto b = std::make_shared<std::vector<float>>(static_cast<std::size_t>(p.k) *
                                                  static_cast<std::size_t>(p.n));
    return [=] {
      // B is n x k by rows, which is k x n by columns; its transpose is n x k by columns.
      libxsmm_otrans(b->data(), p.b, sizeof(float), p.k, p.n, p.k, p.n);
      kernel(b->data(), p.a, p.c);
    };
  }
};

}  // namespace

std::unique_ptr<Peer> open_peer(const PeerOptions& options) {
  if (options.threads != 1) throw std::runtime_error("libxsmm's kernels run on one thread");
  return std::make_unique<Xsmm>();
}

}  // namespace lamella::peers
