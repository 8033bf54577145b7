// Eigen, compiled for this machine (-O3 -march=native), with OpenMP for more than one thread.
//
// This unit is compiled with other flags than the rest, so it shares no inline code of lamella's:
// what it sees of ours is the interface in peer.h.
#include <Eigen/Core>

#include "bench/peers/kernels/peer.h"

namespace lamella::peers {
namespace {

template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Map = Eigen::Map<RowMajor<T>>;
template <class T>
using ConstMap = Eigen::Map<const RowMajor<T>>;
using Vector = Eigen::Map<const Eigen::VectorXf>;

/// C = alpha a b, or C += alpha a b; factors of 1 are omitted, as a user would.
template <class T, class A, class B>
void assign(Map<T>& c, T alpha, T beta, const A& a, const B& b) {
  if (beta == T{0} && alpha == T{1})
    c.noalias() = a * b;
  else if (beta == T{0})
    c.noalias() = alpha * a * b;
  else
    c.noalias() += alpha * a * b;
}

template <class T>
Call product_call(const Product<T>& p) {
  if (p.beta != T{0} && p.beta != T{1}) return {};
  return [=] {
    const ConstMap<T> a(p.a, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k);
    const ConstMap<T> b(p.b, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n);
    Map<T> c(p.c, p.m, p.n);
    if (p.transpose_a)
      assign<T>(c, p.alpha, p.beta, a.transpose(), b);
    else if (p.transpose_b)
      assign<T>(c, p.alpha, p.beta, a, b.transpose());
    else
      assign<T>(c, p.alpha, p.beta, a, b);
  };
}

class EigenPeer : public Peer {
 public:
  std::string version() const override {
    return std::to_string(EIGEN_WORLD_VERSION) + '.' + std::to_string(EIGEN_MAJOR_VERSION) + '.' +
           std::to_string(EIGEN_MINOR_VERSION) + ", " + Eigen::SimdInstructionSetsInUse();
  }

  Call product(const Product<float>& p) override {
    if (p.m == 1 && p.transpose_b) {  // one sample, as a matrix-vector product
      return [=] {
        Eigen::Map<Eigen::VectorXf> y(p.c, p.n);
        y.noalias() = ConstMap<float>(p.b, p.n, p.k) * Vector(p.a, p.k);
      };
    }
    return product_call(p);
  }
  Call product(const Product<double>& p) override { return product_call(p); }

  Call rank_one(float alpha, const float* x, const float* y, float* a, int m, int n) override {
    return
        [=] { Map<float>(a, m, n).noalias() += (alpha * Vector(x, m)) * Vector(y, n).transpose(); };
  }

  Call bias_add(const float* bias, float* c, int m, int n) override {
    return [=] { Map<float>(c, m, n).rowwise() += Vector(bias, n).transpose(); };
  }

  Call softmax(const float* logits, float* probabilities, int m, int n) override {
    return [=] {
      const ConstMap<float> z(logits, m, n);
      Map<float> p(probabilities, m, n);
      for (int i = 0; i < m; ++i) {
        auto row = p.row(i).array();
        row = (z.row(i).array() - z.row(i).maxCoeff()).exp();
        row *= 1.0F / row.sum();
      }
    };
  }
};

}  // namespace

std::unique_ptr<Peer> open_peer(const PeerOptions& options) {
  Eigen::setNbThreads(options.threads);
  return std::make_unique<EigenPeer>();
}

}  // namespace lamella::peers
