// oneDNN (3.x): matmul, binary and softmax primitives on plain row-major memory.
//
// Primitives are created once; weights stay as the caller has them, nothing is reordered in
// advance. A product is made by the matmul primitive or by oneDNN's sgemm, whichever a short trial
// finds faster.
#include <chrono>
#include <unordered_map>
#include <utility>

#include <dnnl.hpp>

#include "bench/peers/kernels/peer.h"

namespace lamella::peers {
namespace {

using dnnl::memory;
using Desc = memory::desc;
using Arguments = std::unordered_map<int, memory>;

Desc matrix(int rows, int cols, bool stored_transposed = false) {
  const memory::dims strides = stored_transposed ? memory::dims{1, rows} : memory::dims{cols, 1};
  return {memory::dims{rows, cols}, memory::data_type::f32, strides};
}

/// Seconds of one call, the best of a few samples.
double trial_seconds(const Call& call) {
  double best = 1e9;
  for (int sample = 0; sample < 5; ++sample) {
    int calls = 0;
    double seconds = 0;
    const auto start = std::chrono::steady_clock::now();
    do {
      call();
      ++calls;
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    } while (seconds < 2e-3);
    best = std::min(best, seconds / calls);
  }
  return best;
}

class OneDnn : public Peer {
 public:
  std::string version() const override {
    const auto* v = dnnl_version();
    return "oneDNN " + std::to_string(v->major) + '.' + std::to_string(v->minor) + '.' +
           std::to_string(v->patch);
  }

  Call product(const Product<float>& p) override {
    Call primitive = matmul(p);
    Call function = [=] {
      dnnl::sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, p.alpha, p.a,
                  p.lda(), p.b, p.ldb(), p.beta, p.c, p.ldc());
    };
    return trial_seconds(primitive) <= trial_seconds(function) ? primitive : function;
  }

  Call rank_one(float alpha, const float* x, const float* y, float* a, int m, int n) override {
    return product({false, false, m, n, 1, alpha, x, y, 1, a});
  }

  Call bias_add(const float* bias, float* c, int m, int n) override {
    const auto matrix_desc = matrix(m, n);
    const auto row_desc = matrix(1, n);
    const dnnl::binary add(
        {engine_, dnnl::algorithm::binary_add, matrix_desc, row_desc, matrix_desc});
    return execute(add, {{DNNL_ARG_SRC_0, memory(matrix_desc, engine_, c)},
                         {DNNL_ARG_SRC_1, memory(row_desc, engine_, const_cast<float*>(bias))},
                         {DNNL_ARG_DST, memory(matrix_desc, engine_, c)}});
  }

  Call softmax(const float* logits, float* probabilities, int m, int n) override {
    const auto desc = matrix(m, n);
    const dnnl::softmax_forward primitive({engine_, dnnl::prop_kind::forward_inference,
                                           dnnl::algorithm::softmax_accurate, desc, desc, 1});
    return execute(primitive, {{DNNL_ARG_SRC, memory(desc, engine_, const_cast<float*>(logits))},
                               {DNNL_ARG_DST, memory(desc, engine_, probabilities)}});
  }

 private:
  Call matmul(const Product<float>& p) {
    const auto a = matrix(p.m, p.k, p.transpose_a);
    const auto b = matrix(p.k, p.n, p.transpose_b);
    const auto c = matrix(p.m, p.n);
    dnnl::post_ops after;
    if (p.alpha != 1) after.append_eltwise(dnnl::algorithm::eltwise_linear, p.alpha, 0);
    if (p.beta != 0) after.append_sum(p.beta);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);
    return execute(dnnl::matmul({engine_, a, b, c, attributes}),
                   {{DNNL_ARG_SRC, memory(a, engine_, const_cast<float*>(p.a))},
                    {DNNL_ARG_WEIGHTS, memory(b, engine_, const_cast<float*>(p.b))},
                    {DNNL_ARG_DST, memory(c, engine_, p.c)}});
  }

  Call execute(const dnnl::primitive& primitive, Arguments arguments) {
    return [this, primitive, arguments = std::move(arguments)] {
      primitive.execute(stream_, arguments);
      stream_.wait();
    };
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  mutable dnnl::stream stream_{engine_};
};

}  // namespace

// The number of threads is OpenMP's, which the runner sets (OMP_NUM_THREADS).
std::unique_ptr<Peer> open_peer(const PeerOptions&) { return std::make_unique<OneDnn>(); }

}  // namespace lamella::peers
