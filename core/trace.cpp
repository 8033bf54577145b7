// The verbose mode's decorator: calls the kernel, then prints one line about the call.
#include "core/trace.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <variant>

#include "core/format.h"

namespace lamella::detail {
namespace {

/// One line of text in a fixed buffer: kernels are noexcept, so a trace must not allocate.
class Line {
 public:
  template <class... Args>
  Line& add(fmt::format_string<Args...> format, Args&&... args) noexcept {
    const auto room = text_.size() - 1 - size_;  // one byte is kept for the line's end
    const auto size =
        formatted_to_n(text_.data() + size_, room, format, std::forward<Args>(args)...);
    size_ += std::min(size, room);
    return *this;
  }
  /// A single write, so that the lines of several threads do not mix.
  void print() noexcept {
    text_[size_++] = '\n';
    std::fwrite(text_.data(), 1, size_, stderr);
  }

 private:
  std::array<char, 512> text_{};
  std::size_t size_ = 0;
};

/// What a call is worth: a product is rated by its arithmetic, all else by the memory it touches.
struct Work {
  double amount;
  const char* unit;  // of amount / 1e9 per second
};
Work flops(index_t multiply_adds) { return {2.0 * static_cast<double>(multiply_adds), "GFLOP/s"}; }
template <class T>
Work bytes(index_t elements) {
  return {static_cast<double>(elements) * sizeof(T), "GB/s"};
}

const char* name_of(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::identity:
      return "identity";
    case ActivationKind::relu:
      return "relu";
    case ActivationKind::leaky_relu:
      return "leaky_relu";
    case ActivationKind::tanh:
      return "tanh";
    case ActivationKind::sigmoid:
      return "sigmoid";
  }
  return "unknown";
}

// describe(): puts a call's shape and options on the line and says what it is worth.

template <class T>
Work describe(Line& line, const Gemm<T>& call) {
  line.add(" {}x{}x{}", call.c.rows, call.c.cols, call.a.cols);
  return flops(call.c.rows * call.c.cols * call.a.cols);
}

template <class T>
Work describe(Line& line, const FusedGemm<T>& call) {
  const auto work = describe(line, call.gemm);
  const auto& epilogue = call.epilogue;
  if (!epilogue.bias.empty()) line.add(" bias");
  if (epilogue.activation.kind != ActivationKind::identity)
    line.add(" {}", name_of(epilogue.activation.kind));
  if (!epilogue.gate.empty()) line.add(" gate:{}", name_of(epilogue.gate_activation.kind));
  return work;
}

template <class T>
Work describe(Line& line, const BiasAdd<T>& call) {
  line.add(" {}x{}", call.c.rows, call.c.cols);
  return bytes<T>(2 * call.c.size());
}

template <class T>
Work describe(Line& line, const Softmax<T>& call) {
  line.add(" {}x{}", call.logits.rows, call.logits.cols);
  return bytes<T>(2 * call.logits.size());
}

template <class T>
Work describe(Line& line, const OuterProduct<T>& call) {
  line.add(" {}x{}", call.a.rows, call.a.cols);
  return flops(call.a.size());
}

template <class T>
Work describe(Line& line, const Activate<T>& call) {
  line.add(" {}x{} {}", call.a.rows, call.a.cols, name_of(call.activation.kind));
  return bytes<T>(2 * call.a.size());
}

template <class T>
Work describe(Line& line, const ActivateBackward<T>& call) {
  line.add(" {}x{} {}", call.d.rows, call.d.cols, name_of(call.activation.kind));
  return bytes<T>(3 * call.d.size());
}

template <class T>
Work describe(Line& line, const SoftmaxNll<T>& call) {
  line.add(" {}x{}", call.logits.rows, call.logits.cols);
  return bytes<T>(2 * call.logits.size());
}

template <class T>
Work describe(Line& line, const ColumnSums<T>& call) {
  line.add(" {}x{}", call.a.rows, call.a.cols);
  return bytes<T>(call.a.size());
}

template <class T>
Work describe(Line& line, const SgdUpdate<T>& call) {
  line.add(" {}x{}", call.weights.rows, call.weights.cols);
  if (!call.velocity.empty()) line.add(" {}", call.nesterov ? "nesterov" : "momentum");
  return bytes<T>((call.velocity.empty() ? 3 : 5) * call.weights.size());
}

template <class T>
Work describe(Line& line, const AdamUpdate<T>& call) {
  line.add(" {}x{}", call.weights.rows, call.weights.cols);
  return bytes<T>(7 * call.weights.size());  // gradient in; moments and weights in and out
}

template <class T>
Work describe(Line& line, const GatherBytes<T>& call) {
  line.add(" {}x{}", call.out.rows, call.out.cols);
  return {static_cast<double>(call.out.size()) * (1 + sizeof(T)), "GB/s"};
}

template <class T>
class TracedKernels final : public Kernels<T> {
 public:
  TracedKernels(const Kernels<T>& inner, const BackendInfo& info) : inner_(inner), info_(info) {}

  void gemm(const Gemm<T>& call) const noexcept override { trace("gemm", call, &Kernels<T>::gemm); }
  void bias_add(const BiasAdd<T>& call) const noexcept override {
    trace("bias_add", call, &Kernels<T>::bias_add);
  }
  void softmax(const Softmax<T>& call) const noexcept override {
    trace("softmax", call, &Kernels<T>::softmax);
  }
  void outer_product(const OuterProduct<T>& call) const noexcept override {
    trace("outer_product", call, &Kernels<T>::outer_product);
  }
  void fused_gemm(const FusedGemm<T>& call) const noexcept override {
    trace("fused_gemm", call, &Kernels<T>::fused_gemm);
  }
  void activate(const Activate<T>& call) const noexcept override {
    trace("activate", call, &Kernels<T>::activate);
  }
  void activate_backward(const ActivateBackward<T>& call) const noexcept override {
    trace("activate_backward", call, &Kernels<T>::activate_backward);
  }
  void softmax_nll(const SoftmaxNll<T>& call) const noexcept override {
    trace("softmax_nll", call, &Kernels<T>::softmax_nll);
  }
  void column_sums(const ColumnSums<T>& call) const noexcept override {
    trace("column_sums", call, &Kernels<T>::column_sums);
  }
  void sgd_update(const SgdUpdate<T>& call) const noexcept override {
    trace("sgd_update", call, &Kernels<T>::sgd_update);
  }
  void adam_update(const AdamUpdate<T>& call) const noexcept override {
    trace("adam_update", call, &Kernels<T>::adam_update);
  }
  void gather_bytes(const GatherBytes<T>& call) const noexcept override {
    trace("gather_bytes", call, &Kernels<T>::gather_bytes);
  }
  // run(plan) is inherited: the base makes a plan's calls one by one, through the overrides above.

 private:
  template <class Call>
  void trace(const char* kernel, const Call& call,
             void (Kernels<T>::*member)(const Call&) const noexcept) const noexcept {
    const auto start = std::chrono::steady_clock::now();
    (inner_.*member)(call);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;

    Line line;
    line.add("lamella: {} {}", kernel, sizeof(T) == sizeof(float) ? "f32" : "f64");
    const auto work = describe(line, call);
    line.add(" {}/{} {} {} {:.1f} us", info_.name, info_.isa, info_.threads,
             info_.threads == 1 ? "thread" : "threads", elapsed.count() * 1e6);
    if (work.amount > 0 && elapsed.count() > 0)
      line.add(" {:.1f} {}", work.amount / elapsed.count() / 1e9, work.unit);
    line.print();
  }

  const Kernels<T>& inner_;
  const BackendInfo& info_;
};

class TracedBackend final : public Backend {
 public:
  explicit TracedBackend(std::shared_ptr<const Backend> inner)
      : inner_(std::move(inner)),
        f32_(inner_->f32(), inner_->info()),
        f64_(inner_->f64(), inner_->info()) {}

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

void print_trace(const std::string& text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::shared_ptr<const Backend> make_traced_backend(std::shared_ptr<const Backend> inner) {
  return std::make_shared<TracedBackend>(std::move(inner));
}

}  // namespace lamella::detail
