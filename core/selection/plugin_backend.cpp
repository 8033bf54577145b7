// A loaded plugin as a Backend.
//
// Kernels are noexcept and return nothing, a plugin's return a code: the first one that is not OK
// is kept in a PluginFailure until somebody asks throw_if_failed().
#include "core/selection/plugin_backend.h"

#include <atomic>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>

#include <lamella/error.h>
#include <lamella/matrix.h>

#include "core/base/format.h"
#include "core/kernels/trace.h"

namespace lamella::detail {
namespace {

// The enumerations of both sides are the same numbers.
static_assert(static_cast<int>(ActivationKind::identity) == LAMELLA_PLUGIN_IDENTITY);
static_assert(static_cast<int>(ActivationKind::relu) == LAMELLA_PLUGIN_RELU);
static_assert(static_cast<int>(ActivationKind::leaky_relu) == LAMELLA_PLUGIN_LEAKY_RELU);
static_assert(static_cast<int>(ActivationKind::tanh) == LAMELLA_PLUGIN_TANH);
static_assert(static_cast<int>(ActivationKind::sigmoid) == LAMELLA_PLUGIN_SIGMOID);

std::string code_text(int code) {
  const char* meaning = code == LAMELLA_PLUGIN_FAILED          ? "failed"
                        : code == LAMELLA_PLUGIN_OUT_OF_MEMORY ? "out of memory"
                        : code == LAMELLA_PLUGIN_DECLINED      ? "declined, but it is required"
                                                               : "unknown to lamella";
  return formatted("code {} ({})", code, meaning);
}

/// The first failure of any kernel of a backend.
class PluginFailure {
 public:
  bool happened() const noexcept { return happened_.load(std::memory_order_acquire); }

  void record(const char* kernel, const char* type, int code) noexcept {
    const std::lock_guard lock(mutex_);
    if (happened()) return;
    kernel_ = kernel;
    type_ = type;
    code_ = code;
    happened_.store(true, std::memory_order_release);
  }

  /// The three members do not change once happened() is true.
  std::string text() const {
    return formatted("its kernel {} for {} returned {}; results since then are not to be trusted",
                     kernel_, type_, code_text(code_));
  }

 private:
  std::atomic<bool> happened_ = false;
  std::mutex mutex_;
  const char* kernel_ = "";
  const char* type_ = "";
  int code_ = 0;
};

// Arguments that become whichever C struct of the same shape a call's member wants: the f32 or the
// f64 one, const or not.
template <class T>
struct MatrixArg {
  View<T> view;
  template <class Struct>
  operator Struct() const {
    return {view.data, view.rows, view.cols, view.row_stride, view.col_stride};
  }
};
template <class T>
struct VectorArg {
  VectorView<T> view;
  template <class Struct>
  operator Struct() const {
    return {view.data, view.size, view.stride};
  }
};
template <class T>
struct GemmArg {
  const Gemm<T>& call;
  template <class Struct>
  operator Struct() const {
    return {call.alpha, MatrixArg<const T>{call.a}, MatrixArg<const T>{call.b}, call.beta,
            MatrixArg<T>{call.c}};
  }
};

template <class T>
MatrixArg<T> arg(View<T> view) {
  return {view};
}
template <class T>
VectorArg<T> arg(VectorView<T> view) {
  return {view};
}
template <class T>
GemmArg<T> arg(const Gemm<T>& call) {
  return {call};
}
lamella_plugin_activation arg(const Activation& activation) {
  return {static_cast<std::int32_t>(activation.kind), activation.slope};
}

template <class T>
using KernelFunctions = std::conditional_t<std::is_same_v<T, float>, lamella_plugin_kernels_f32,
                                           lamella_plugin_kernels_f64>;

template <class T>
class PluginKernels final : public Kernels<T> {
  using Base = Kernels<T>;

 public:
  PluginKernels(const KernelFunctions<T>& functions, void* const& context, PluginFailure& failure)
      : functions_(functions), context_(context), failure_(failure) {}

  void gemm(const Gemm<T>& c) const noexcept override {
    require("gemm", functions_.gemm, c.alpha, arg(c.a), arg(c.b), c.beta, arg(c.c));
  }
  void bias_add(const BiasAdd<T>& c) const noexcept override {
    require("bias_add", functions_.bias_add, arg(c.bias), arg(c.c));
  }
  void softmax(const Softmax<T>& c) const noexcept override {
    require("softmax", functions_.softmax, arg(c.logits), arg(c.probabilities));
  }
  void outer_product(const OuterProduct<T>& c) const noexcept override {
    require("outer_product", functions_.outer_product, c.alpha, arg(c.x), arg(c.y), arg(c.a));
  }

  void fused_gemm(const FusedGemm<T>& c) const noexcept override {
    if (!offer("fused_gemm", functions_.fused_gemm, arg(c.gemm), arg(c.epilogue.bias),
               arg(c.epilogue.activation), arg(c.epilogue.activation_output),
               arg(c.epilogue.backward_of)))
      Base::fused_gemm(c);
  }
  void activate(const Activate<T>& c) const noexcept override {
    if (!offer("activate", functions_.activate, arg(c.activation), arg(c.z), arg(c.a)))
      Base::activate(c);
  }
  void activate_backward(const ActivateBackward<T>& c) const noexcept override {
    if (!offer("activate_backward", functions_.activate_backward, arg(c.activation), arg(c.a),
               arg(c.d)))
      Base::activate_backward(c);
  }
  void softmax_nll(const SoftmaxNll<T>& c) const noexcept override {
    if (!offer("softmax_nll", functions_.softmax_nll, arg(c.logits), arg(c.labels), arg(c.weights),
               c.label_smoothing, c.scale, arg(c.gradient), arg(c.losses), arg(c.predictions)))
      Base::softmax_nll(c);
  }
  void column_sums(const ColumnSums<T>& c) const noexcept override {
    if (!offer("column_sums", functions_.column_sums, c.alpha, arg(c.a), c.beta, arg(c.sums)))
      Base::column_sums(c);
  }
  void sgd_update(const SgdUpdate<T>& c) const noexcept override {
    if (!offer("sgd_update", functions_.sgd_update, c.learning_rate, c.momentum, c.weight_decay,
               std::int32_t{c.nesterov}, arg(c.gradient), arg(c.velocity), arg(c.weights)))
      Base::sgd_update(c);
  }
  void adam_update(const AdamUpdate<T>& c) const noexcept override {
    if (!offer("adam_update", functions_.adam_update, c.beta1, c.one_minus_beta1, c.beta2,
               c.one_minus_beta2, c.weight_decay, c.weight_scale, c.step_size, c.epsilon,
               arg(c.gradient), arg(c.first), arg(c.second), arg(c.weights)))
      Base::adam_update(c);
  }

 private:
  static constexpr const char* kType = std::is_same_v<T, float> ? "f32" : "f64";

  /// Calls a plugin's function with the struct made of `members`. After a failure nothing is called
  /// any more: results are lost already, and a plugin in trouble is best left alone.
  template <class Call, class... Members>
  int call(int (*function)(void*, const Call*), const Members&... members) const noexcept {
    if (failure_.happened()) return LAMELLA_PLUGIN_OK;
    const Call operands = {members...};
    return function(context_, &operands);
  }

  template <class Call, class... Members>
  void require(const char* kernel, int (*function)(void*, const Call*),
               const Members&... members) const noexcept {
    const int code = call(function, members...);
    if (code != LAMELLA_PLUGIN_OK) failure_.record(kernel, kType, code);
  }

  /// False if the plugin has no such kernel or declines the call: then the default is to be used.
  template <class Call, class... Members>
  bool offer(const char* kernel, int (*function)(void*, const Call*),
             const Members&... members) const noexcept {
    if (function == nullptr) return false;
    const int code = call(function, members...);
    if (code == LAMELLA_PLUGIN_DECLINED) return false;
    if (code != LAMELLA_PLUGIN_OK) failure_.record(kernel, kType, code);
    return true;
  }

  const KernelFunctions<T>& functions_;
  void* const& context_;
  PluginFailure& failure_;
};

/// The services that a plugin gets; the functions find their object through the C part.
struct Host : lamella_plugin_host {
  std::string plugin;
  ParallelFor run;
  bool verbose = false;
};

void* allocate(std::size_t bytes) {
  return ::operator new (bytes, std::align_val_t{kAlignment}, std::nothrow);
}

void release(void* memory) { ::operator delete (memory, std::align_val_t{kAlignment}); }

void log(const lamella_plugin_host* host, const char* line) {
  const auto& self = *static_cast<const Host*>(host);
  if (!self.verbose || line == nullptr) return;
  try {
    print_trace(formatted("lamella: plugin {}: {}\n", self.plugin, line));
  } catch (...) {  // nothing throws across the interface; a line that finds no memory is lost
  }
}

void parallel_for(const lamella_plugin_host* host, std::int32_t tasks,
                  void (*body)(void*, std::int32_t), void* argument) {
  if (tasks > 0) static_cast<const Host*>(host)->run(tasks, body, argument);
}

class PluginBackend final : public Backend {
 public:
  PluginBackend(Plugin plugin, const ThreadLimit& limit, ParallelFor run, bool verbose)
      : plugin_(std::move(plugin)),
        info_{plugin_.name, "plugin", limit.threads, limit.limited_by},
        f32_(plugin_.f32, context_, failure_),
        f64_(plugin_.f64, context_, failure_) {
    host_.struct_size = sizeof(lamella_plugin_host);
    host_.abi_major = LAMELLA_PLUGIN_ABI_MAJOR;
    host_.abi_minor = LAMELLA_PLUGIN_ABI_MINOR;
    host_.threads = limit.threads;
    host_.allocate = allocate;
    host_.release = release;
    host_.log = log;
    host_.parallel_for = parallel_for;
    host_.plugin = plugin_.name;
    host_.run = std::move(run);
    host_.verbose = verbose;
    if (plugin_.create == nullptr) return;
    const int code = plugin_.create(&host_, &context_);
    if (code != LAMELLA_PLUGIN_OK)
      throw PluginError(formatted("plugin {} ({}): create returned {}", plugin_.name, plugin_.path,
                                  code_text(code)));
  }
  ~PluginBackend() override {
    if (plugin_.destroy != nullptr) plugin_.destroy(context_);
  }
  PluginBackend(const PluginBackend&) = delete;
  PluginBackend& operator=(const PluginBackend&) = delete;

  const BackendInfo& info() const noexcept override { return info_; }
  const Kernels<float>& f32() const noexcept override { return f32_; }
  const Kernels<double>& f64() const noexcept override { return f64_; }
  void throw_if_failed() const override {
    if (failure_.happened())
      throw PluginError(
          formatted("plugin {} ({}): {}", plugin_.name, plugin_.path, failure_.text()));
  }

 private:
  Plugin plugin_;  // first: the library is closed after everything else is gone
  BackendInfo info_;
  Host host_;
  void* context_ = nullptr;
  mutable PluginFailure failure_;
  PluginKernels<float> f32_;
  PluginKernels<double> f64_;
};

}  // namespace

std::shared_ptr<const Backend> make_plugin_backend(Plugin plugin, const ThreadLimit& limit,
                                                   ParallelFor parallel_for_each, bool verbose) {
  return std::make_shared<PluginBackend>(std::move(plugin), limit, std::move(parallel_for_each),
                                         verbose);
}

}  // namespace lamella::detail
