// The verbose mode: kernels that print one line about every call.
#include "core/kernels/trace.h"

#include <cstdio>
#include <string_view>
#include <utility>

#include "core/kernels/timed_kernels.h"

namespace lamella::detail {
namespace {

template <class T>
class TracedKernels final : public TimedKernels<T> {
 public:
  TracedKernels(const Kernels<T>& inner, const Backend& backend)
      : TimedKernels<T>(inner), backend_(backend) {}

 protected:
  void report(const KernelSignature& signature, double seconds) const noexcept override {
    Line line;
    line.add("lamella: {} {}", name_of(signature.kernel),
             sizeof(T) == sizeof(float) ? "f32" : "f64");
    add_shape(line, signature);
    add_options(line, signature);
    const BackendInfo& info = backend_.info();  // another one in a child of fork()
    line.add(" {}/{} {} {} {:.1f} us", info.name, info.isa, info.threads,
             info.threads == 1 ? "thread" : "threads", seconds * 1e6);
    // Products are rated by their arithmetic, all other kernels by the memory they touch.
    const auto& [flops, bytes, footprint] = signature.work;
    const double amount = flops > 0 ? flops : bytes;
    if (amount > 0 && seconds > 0)
      line.add(" {:.1f} {}", amount / seconds / 1e9, flops > 0 ? "GFLOP/s" : "GB/s");
    line.end();
    // A single write, so that the lines of several threads do not mix.
    std::fwrite(line.text().data(), 1, line.text().size(), stderr);
  }

 private:
  const Backend& backend_;
};

class TracedBackend final : public Backend {
 public:
  explicit TracedBackend(std::shared_ptr<const Backend> inner)
      : inner_(std::move(inner)), f32_(inner_->f32(), *inner_), f64_(inner_->f64(), *inner_) {}

  const BackendInfo& info() const noexcept override { return inner_->info(); }
  const Kernels<float>& f32() const noexcept override { return f32_; }
  const Kernels<double>& f64() const noexcept override { return f64_; }
  void throw_if_failed() const override { inner_->throw_if_failed(); }

 private:
  std::shared_ptr<const Backend> inner_;
  TracedKernels<float> f32_;
  TracedKernels<double> f64_;
};

}  // namespace

void print_trace(std::string_view lines) noexcept {
  std::fwrite(lines.data(), 1, lines.size(), stderr);
}

std::shared_ptr<const Backend> make_traced_backend(std::shared_ptr<const Backend> inner) {
  return std::make_shared<TracedBackend>(std::move(inner));
}

}  // namespace lamella::detail
