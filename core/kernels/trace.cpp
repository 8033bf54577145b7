// The verbose mode's decorator: calls the kernel, then prints one line about the call.
#include "core/kernels/trace.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "core/base/format.h"
#include "core/kernels/timed_kernels.h"

namespace lamella::detail {
namespace {

/// One line of text in a fixed buffer: kernels are noexcept, so a trace must not allocate.
class Line {
 public:
  template <class... Args>
  Line& add(fmt::format_string<Args...> format, Args&&... args) noexcept {
    size_ += std::min(
        room(), formatted_to_n(text_.data() + size_, room(), format, std::forward<Args>(args)...));
    return *this;
  }
  void add_words(std::size_t (*words)(char*, std::size_t, const KernelSignature&) noexcept,
                 const KernelSignature& kind) noexcept {
    const std::size_t before = size_;
    add(" ");
    const std::size_t printed = words(text_.data() + size_, room(), kind);
    size_ = printed > 0 ? size_ + printed : before;
  }
  /// A single write, so that the lines of several threads do not mix.
  void print() noexcept {
    text_[size_++] = '\n';
    std::fwrite(text_.data(), 1, size_, stderr);
  }

 private:
  std::size_t room() const { return text_.size() - 1 - size_; }  // a byte is for the line's end

  std::array<char, 512> text_{};
  std::size_t size_ = 0;
};

template <class T>
class TracedKernels final : public TimedKernels<T> {
 public:
  TracedKernels(const Kernels<T>& inner, const BackendInfo& info)
      : TimedKernels<T>(inner), info_(info) {}

 protected:
  void report(const KernelSignature& kind, double seconds) const noexcept override {
    Line line;
    line.add("lamella: {} {}", name_of(kind.kernel), sizeof(T) == sizeof(float) ? "f32" : "f64");
    line.add_words(print_shape, kind);
    line.add_words(print_options, kind);
    line.add(" {}/{} {} {} {:.1f} us", info_.name, info_.isa, info_.threads,
             info_.threads == 1 ? "thread" : "threads", seconds * 1e6);
    // A product is rated by its arithmetic, all else by the memory it touches.
    const CallWork work = work_of(kind);
    const double amount = work.flops > 0 ? work.flops : work.bytes;
    if (amount > 0 && seconds > 0)
      line.add(" {:.1f} {}", amount / seconds / 1e9, work.flops > 0 ? "GFLOP/s" : "GB/s");
    line.print();
  }

 private:
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

void print_trace(std::string_view text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::shared_ptr<const Backend> make_traced_backend(std::shared_ptr<const Backend> inner) {
  return std::make_shared<TracedBackend>(std::move(inner));
}

}  // namespace lamella::detail
