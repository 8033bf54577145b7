// The backend made of drivers: identity, an executor, and kernels for both element types.
#include "backends/driver_backend.h"

#include "backends/threading/threaded_kernels.h"

namespace lamella::backends {
namespace {

class DriverBackend final : public Backend {
 public:
  DriverBackend(BackendInfo info, KernelTables tables, std::unique_ptr<Executor> executor,
                const ThreadingOptions& threading)
      : info_(std::move(info)),
        info_in_child_(info_),
        threading_(threading),
        executor_(std::move(executor), threading),
        f32_(*tables.f32, executor_, threading_, f32_products_),
        f64_(*tables.f64, executor_, threading_, f64_products_) {
    info_in_child_.threads = 1;
    info_in_child_.threads_limited_by = "child of fork()";
  }

  const BackendInfo& info() const noexcept override {
    return executor_.has_lost_threads() ? info_in_child_ : info_;
  }
  const Kernels<float>& f32() const noexcept override { return f32_; }
  const Kernels<double>& f64() const noexcept override { return f64_; }

 private:
  BackendInfo info_, info_in_child_;
  // Kernels are const and used by several threads at once; what they learn about threads changes
  // their speed and never their results.
  ThreadingOptions threading_;
  AdaptiveExecutor executor_;
  ProductTuners f32_products_, f64_products_;
  ThreadedKernels<float> f32_;
  ThreadedKernels<double> f64_;
};

}  // namespace

std::shared_ptr<const Backend> make_driver_backend(BackendInfo info, KernelTables tables,
                                                   std::unique_ptr<Executor> executor,
                                                   const ThreadingOptions& threading) {
  return std::make_shared<DriverBackend>(std::move(info), tables, std::move(executor), threading);
}

}  // namespace lamella::backends
