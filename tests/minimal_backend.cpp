// The four required kernels, written as kernels.h defines them.
#include "tests/minimal_backend.h"

#include <cmath>
#include <limits>

namespace lamella::test {
namespace {

template <class T>
class MinimalKernels final : public Kernels<T> {
 public:
  void gemm(const Gemm<T>& g) const noexcept override {
    for (index_t i = 0; i < g.c.rows; ++i)
      for (index_t j = 0; j < g.c.cols; ++j) {
        T sum = 0;
        for (index_t p = 0; p < g.a.cols; ++p) sum += g.a(i, p) * g.b(p, j);
        T result = g.alpha == 0 ? T{0} : g.alpha * sum;
        if (g.beta != 0) result += g.beta * g.c(i, j);
        g.c(i, j) = result;
      }
  }

  void bias_add(const BiasAdd<T>& call) const noexcept override {
    for (index_t i = 0; i < call.c.rows; ++i)
      for (index_t j = 0; j < call.c.cols; ++j) call.c(i, j) += call.bias[j];
  }

  void softmax(const Softmax<T>& call) const noexcept override {
    for (index_t i = 0; i < call.logits.rows; ++i) {
      const ConstVectorView<T> z = row(call.logits, i);
      const VectorView<T> p = row(call.probabilities, i);
      T largest = -std::numeric_limits<T>::infinity();
      for (index_t j = 0; j < z.size; ++j)
        if (z[j] > largest) largest = z[j];
      T sum = 0;
      for (index_t j = 0; j < z.size; ++j) {
        p[j] = std::exp(z[j] - largest);
        sum += p[j];
      }
      for (index_t j = 0; j < z.size; ++j) p[j] /= sum;
    }
  }

  void outer_product(const OuterProduct<T>& call) const noexcept override {
    for (index_t i = 0; i < call.a.rows; ++i)
      for (index_t j = 0; j < call.a.cols; ++j) call.a(i, j) += call.alpha * call.x[i] * call.y[j];
  }
};

class MinimalBackend final : public Backend {
 public:
  const BackendInfo& info() const noexcept override { return info_; }
  const Kernels<float>& f32() const noexcept override { return f32_; }
  const Kernels<double>& f64() const noexcept override { return f64_; }

 private:
  BackendInfo info_{"minimal", "none", 1, "the backend, which has no threads"};
  MinimalKernels<float> f32_;
  MinimalKernels<double> f64_;
};

}  // namespace

std::shared_ptr<const Backend> make_minimal_backend() { return std::make_shared<MinimalBackend>(); }

}  // namespace lamella::test
