// A backend that notes which plans it is given, and runs them as the minimal one does.
#ifndef LAMELLA_TESTS_NETWORK_PLAN_SPY_H_
#define LAMELLA_TESTS_NETWORK_PLAN_SPY_H_

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include <lamella/backend.h>

#include "tests/minimal_backend.h"

namespace lamella::test {

class PlanSpy final : public Backend {
 public:
  const BackendInfo& info() const noexcept override { return inner_->info(); }
  const Kernels<float>& f32() const noexcept override { return inner_->f32(); }
  const Kernels<double>& f64() const noexcept override { return kernels_; }

  /// One name per call of the double plans run so far, with what is fused to it.
  const std::vector<std::string>& calls() const { return kernels_.calls; }
  /// The transient outputs of the last of them.
  const std::vector<std::size_t>& transient_outputs() const { return kernels_.transient_outputs; }
  void clear() {
    kernels_.calls.clear();
    kernels_.transient_outputs.clear();
  }

 private:
  struct Name {
    std::string operator()(const FusedGemm<double>& call) const {
      std::string name = "gemm";
      if (!call.epilogue.bias.empty()) name += "+bias";
      if (call.epilogue.activation.kind == ActivationKind::relu) name += "+relu";
      if (!call.epilogue.activation_output.empty()) name += "+backward";
      return name;
    }
    template <class Call>
    std::string operator()(const Call&) const {
      return KernelTraits<Call>::name;
    }
  };

  class SpyKernels final : public Kernels<double> {
   public:
    explicit SpyKernels(const Kernels<double>& inner) : inner_(inner) {}
    void gemm(const Gemm<double>& call) const noexcept override { inner_.gemm(call); }
    void bias_add(const BiasAdd<double>& call) const noexcept override { inner_.bias_add(call); }
    void softmax(const Softmax<double>& call) const noexcept override { inner_.softmax(call); }
    void outer_product(const OuterProduct<double>& call) const noexcept override {
      inner_.outer_product(call);
    }
    void run(const Plan<double>& plan) const noexcept override {
      for (const auto& call : plan.calls) calls.push_back(std::visit(Name{}, call));
      transient_outputs = plan.transient_outputs;
      inner_.run(plan);
    }
    mutable std::vector<std::string> calls;
    mutable std::vector<std::size_t> transient_outputs;

   private:
    const Kernels<double>& inner_;
  };

  std::shared_ptr<const Backend> inner_ = make_minimal_backend();
  SpyKernels kernels_{inner_->f64()};
};

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_NETWORK_PLAN_SPY_H_
