// The choice between one thread and a team for a product by itself.
#include "backends/threading/tuned_kernels.h"

#include "backends/threading/threading_trace.h"

namespace lamella::backends {
namespace {

/// Products of this many flops are tuned. For smaller ones, asking the tuner would take too long;
/// from 128³ on, threads always pay.
constexpr double kFewestTunedFlops = 0.5e6, kMostTunedFlops = 4e6;

/// Tells drivers half the cost of waking workers, so that they take workers for half the work:
/// the tuner finds out whether these pay.
class HalfStartCostExecutor final : public Executor {
 public:
  explicit HalfStartCostExecutor(const Executor& executor) : executor_(executor) {}
  int concurrency() const noexcept override { return executor_.concurrency(); }
  void run(int workers, WorkerBody body) const noexcept override { executor_.run(workers, body); }
  double start_cost() const noexcept override { return 0.5 * executor_.start_cost(); }

 private:
  const Executor& executor_;
};

template <class T>
bool is_tuned(const Gemm<T>& g) {
  const double flops = 2.0 * static_cast<double>(g.c.size()) * static_cast<double>(g.a.cols);
  return flops >= kFewestTunedFlops && flops <= kMostTunedFlops;
}

}  // namespace

template <class T>
void TunedKernels<T>::gemm(const Gemm<T>& call) const noexcept {
  TunedKernels::fused_gemm({call, {}});
}

template <class T>
void TunedKernels<T>::fused_gemm(const FusedGemm<T>& call) const noexcept {
  if (options_.adaptive && is_tuned(call.gemm) && this->executor().concurrency() > 1)
    tuned_gemm(call);
  else
    BlockedKernels<T>::fused_gemm(call);
}

template <class T>
void TunedKernels<T>::tuned_gemm(const FusedGemm<T>& call) const noexcept {
  const Gemm<T>& g = call.gemm;
  const ProductShape shape{g.c.rows, g.c.cols, g.a.cols};
  const ThreadingClock::Time called = options_.clock.now();
  const ThreadingChoice choice = tuners_.choose(shape, called);
  if (choice.mode == ThreadingMode::team) {
    const HalfStartCostExecutor team(this->executor());
    BlockedKernels<T>(this->table(), team).fused_gemm(call);
  } else {
    const SerialExecutor one_thread;
    BlockedKernels<T>(this->table(), one_thread).fused_gemm(call);
  }
  if (!choice.timed) return;
  const ThreadingClock::Time ended = options_.clock.now();
  const auto decision = tuners_.record(shape, choice.mode, ended - called, ended);
  if (decision && options_.trace != nullptr)
    trace_decision(options_.trace, product_subject(sizeof(T), shape.m, shape.n, shape.k), *decision,
                   this->executor().concurrency());
}

template class TunedKernels<float>;
template class TunedKernels<double>;

}  // namespace lamella::backends
