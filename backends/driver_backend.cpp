// The backend made of drivers: identity, an executor, and drivers for both element types.
#include "backends/driver_backend.h"

#include "backends/threading/threaded_kernels.h"

namespace lamella::backends {
namespace {

class DriverBackend final : public Backend {
 public:
  DriverBackend(BackendInfo info, KernelTables tables, std::unique_ptr<Executor> executor)
      : info_(std::move(info)),
        executor_(std::move(executor)),
        f32_(*tables.f32, *executor_, f32_threading_),
        f64_(*tables.f64, *executor_, f64_threading_) {}

  const BackendInfo& info() const noexcept override { return info_; }
  const Kernels<float>& f32() const noexcept override { return f32_; }
  const Kernels<double>& f64() const noexcept override { return f64_; }

 private:
  BackendInfo info_;
  std::unique_ptr<Executor> executor_;
  // Kernels are const and used by several threads at once, which AdaptiveThreading allows.
  AdaptiveThreading f32_threading_, f64_threading_;
  ThreadedKernels<float> f32_;
  ThreadedKernels<double> f64_;
};

}  // namespace

std::shared_ptr<const Backend> make_driver_backend(BackendInfo info, KernelTables tables,
                                                   std::unique_ptr<Executor> executor) {
  return std::make_shared<DriverBackend>(std::move(info), tables, std::move(executor));
}

}  // namespace lamella::backends
