// A loaded plugin as a Backend.
//
// Kernels are noexcept and return nothing; a plugin's kernels return a code. The first code that is
// not OK is kept in a PluginFailure, for throw_if_failed().
//
// fill() copies the operands of a call into the C struct of plugin.h, member by member and by name.
// A kernel that plugin.h does not have is computed by its default.
#include "core/selection/plugin_backend.h"

#include <atomic>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include <lamella/error.h>
#include <lamella/matrix.h>

#include "core/base/format.h"
#include "core/kernels/trace.h"
#include "core/platform/floating_point.h"
#include "core/platform/fork_aware_lock.h"

namespace lamella::detail {
namespace {

// The enumerations of both sides are the same numbers.
static_assert(static_cast<int>(ActivationKind::identity) == LAMELLA_PLUGIN_IDENTITY);
static_assert(static_cast<int>(ActivationKind::relu) == LAMELLA_PLUGIN_RELU);
static_assert(static_cast<int>(ActivationKind::leaky_relu) == LAMELLA_PLUGIN_LEAKY_RELU);
static_assert(static_cast<int>(ActivationKind::tanh) == LAMELLA_PLUGIN_TANH);
static_assert(static_cast<int>(ActivationKind::sigmoid) == LAMELLA_PLUGIN_SIGMOID);

/// What stands for the code of a function that threw. No plugin can return it by mistake.
constexpr int kThrew = std::numeric_limits<int>::min();

std::string code_text(int code) {
  if (code == kThrew) return "threw an exception, which must not leave a plugin";
  const char* meaning = code == LAMELLA_PLUGIN_FAILED          ? "failed"
                        : code == LAMELLA_PLUGIN_OUT_OF_MEMORY ? "out of memory"
                        : code == LAMELLA_PLUGIN_DECLINED      ? "declined, but it is required"
                                                               : "unknown to lamella";
  return formatted("returned code {} ({})", code, meaning);
}

/// The code that `function` returns, or kThrew. An exception that passed would end the process.
template <class Function>
int call_foreign(const Function& function) noexcept {
  try {
    return function();
  } catch (...) {
    return kThrew;
  }
}

/// The first failure of any kernel of a backend.
class PluginFailure {
 public:
  bool happened() const noexcept { return happened_.load(std::memory_order_acquire); }

  void record(const char* kernel, const char* type, int code) noexcept {
    lock_.hold([] {},  // what a fork has interrupted is written again
               [&] {
                 if (happened()) return;
                 kernel_ = kernel;
                 type_ = type;
                 code_ = code;
                 happened_.store(true, std::memory_order_release);
               });
  }

  /// Only after happened(): from then on the three members do not change.
  std::string text() const {
    return formatted("its kernel {} for {} {}; results since then are not to be trusted", kernel_,
                     type_, code_text(code_));
  }

 private:
  std::atomic<bool> happened_ = false;
  ForkAwareLock lock_;
  const char* kernel_ = "";
  const char* type_ = "";
  int code_ = 0;
};

// fill(x, c): the members of the C struct `c`, which is that for f32 or f64 and const or not,
// become those of `x`.
template <class X, class Matrix>
void fill(View<X> view, Matrix& c) {
  c.data = view.data;
  c.rows = view.rows;
  c.cols = view.cols;
  c.row_stride = view.row_stride;
  c.col_stride = view.col_stride;
}
template <class X, class Vector>
void fill(VectorView<X> view, Vector& c) {
  c.data = view.data;
  c.size = view.size;
  c.stride = view.stride;
}
void fill(const Activation& activation, lamella_plugin_activation& c) {
  c.kind = static_cast<std::int32_t>(activation.kind);
  c.slope = activation.slope;
}

template <class T, class Call>
void fill(const Gemm<T>& call, Call& c) {
  c.alpha = call.alpha;
  fill(call.a, c.a);
  fill(call.b, c.b);
  c.beta = call.beta;
  fill(call.c, c.c);
}
template <class T, class Call>
void fill(const FusedGemm<T>& call, Call& c) {
  fill(call.gemm, c.gemm);
  fill(call.epilogue.bias, c.bias);
  fill(call.epilogue.activation, c.activation);
  fill(call.epilogue.activation_output, c.activation_output);
  fill(call.epilogue.backward_of, c.backward_of);
}
template <class T, class Call>
void fill(const BiasAdd<T>& call, Call& c) {
  fill(call.bias, c.bias);
  fill(call.c, c.c);
}
template <class T, class Call>
void fill(const Softmax<T>& call, Call& c) {
  fill(call.logits, c.logits);
  fill(call.probabilities, c.probabilities);
}
template <class T, class Call>
void fill(const OuterProduct<T>& call, Call& c) {
  c.alpha = call.alpha;
  fill(call.x, c.x);
  fill(call.y, c.y);
  fill(call.a, c.a);
}
template <class T, class Call>
void fill(const Activate<T>& call, Call& c) {
  fill(call.activation, c.activation);
  fill(call.z, c.z);
  fill(call.a, c.a);
}
template <class T, class Call>
void fill(const ActivateBackward<T>& call, Call& c) {
  fill(call.activation, c.activation);
  fill(call.a, c.a);
  fill(call.d, c.d);
}
template <class T, class Call>
void fill(const SoftmaxNll<T>& call, Call& c) {
  fill(call.logits, c.logits);
  fill(call.labels, c.labels);
  fill(call.weights, c.weights);
  c.label_smoothing = call.label_smoothing;
  c.scale = call.scale;
  fill(call.gradient, c.gradient);
  fill(call.losses, c.losses);
  fill(call.predictions, c.predictions);
}
template <class T, class Call>
void fill(const ColumnSums<T>& call, Call& c) {
  c.alpha = call.alpha;
  fill(call.a, c.a);
  c.beta = call.beta;
  fill(call.sums, c.sums);
}
template <class T, class Call>
void fill(const SgdUpdate<T>& call, Call& c) {
  c.learning_rate = call.learning_rate;
  c.momentum = call.momentum;
  c.weight_decay = call.weight_decay;
  c.nesterov = call.nesterov ? 1 : 0;
  fill(call.gradient, c.gradient);
  fill(call.velocity, c.velocity);
  fill(call.weights, c.weights);
}
template <class T, class Call>
void fill(const AdamUpdate<T>& call, Call& c) {
  c.beta1 = call.beta1;
  c.one_minus_beta1 = call.one_minus_beta1;
  c.beta2 = call.beta2;
  c.one_minus_beta2 = call.one_minus_beta2;
  c.weight_decay = call.weight_decay;
  c.weight_scale = call.weight_scale;
  c.step_size = call.step_size;
  c.epsilon = call.epsilon;
  fill(call.gradient, c.gradient);
  fill(call.first, c.first);
  fill(call.second, c.second);
  fill(call.weights, c.weights);
}

/// Whether `plugin.h` has the activations of a call. It knows those up to sigmoid.
bool is_known(const Activation& activation) {
  return static_cast<int>(activation.kind) <= LAMELLA_PLUGIN_SIGMOID;
}
template <class Call>
bool has_known_activations(const Call& call) {
  if constexpr (requires { call.epilogue; })
    return is_known(call.epilogue.activation) && is_known(call.epilogue.backward_of);
  else if constexpr (requires { call.activation; })
    return is_known(call.activation);
  else
    return true;
}

template <class T>
using KernelFunctions = std::conditional_t<std::is_same_v<T, float>, lamella_plugin_kernels_f32,
                                           lamella_plugin_kernels_f64>;

template <class T>
class PluginKernels final : public Kernels<T> {
 public:
  PluginKernels(const KernelFunctions<T>& functions, void* const& context, PluginFailure& failure)
      : functions_(functions), context_(context), failure_(failure) {}

#define LAMELLA_BRIDGE_required(Operands, function)                    \
  void function(const Operands<T>& operands) const noexcept override { \
    require(operands, functions_.function);                            \
  }
#define LAMELLA_BRIDGE_optional(Operands, function)                    \
  void function(const Operands<T>& operands) const noexcept override { \
    if constexpr (requires { functions_.function; }) {                 \
      if (offer(operands, functions_.function)) return;                \
    }                                                                  \
    Kernels<T>::function(operands);                                    \
  }
#define LAMELLA_BRIDGE(Operands, function, requirement, matrix) \
  LAMELLA_BRIDGE_##requirement(Operands, function)
  LAMELLA_FOR_EACH_KERNEL(LAMELLA_BRIDGE)
#undef LAMELLA_BRIDGE
#undef LAMELLA_BRIDGE_optional
#undef LAMELLA_BRIDGE_required

 private:
  static constexpr const char* kType = std::is_same_v<T, float> ? "f32" : "f64";

  /// Calls a plugin's function. After a failure no function of the plugin is called any more: the
  /// results are lost already.
  template <class Operands, class Call>
  int call(const Operands& operands, int (*function)(void*, const Call*)) const noexcept {
    if (failure_.happened()) return LAMELLA_PLUGIN_OK;
    Call c{};
    fill(operands, c);
    const FloatingPointGuard guard;
    return call_foreign([&] { return function(context_, &c); });
  }

  template <class Operands, class Call>
  void require(const Operands& operands, int (*function)(void*, const Call*)) const noexcept {
    const int code = call(operands, function);
    if (code != LAMELLA_PLUGIN_OK) failure_.record(KernelTraits<Operands>::name, kType, code);
  }

  /// False if the plugin has no such kernel or declines the call: then the default is to be used.
  template <class Operands, class Call>
  bool offer(const Operands& operands, int (*function)(void*, const Call*)) const noexcept {
    if (function == nullptr || !has_known_activations(operands)) return false;
    const int code = call(operands, function);
    if (code == LAMELLA_PLUGIN_DECLINED) return false;
    if (code != LAMELLA_PLUGIN_OK) failure_.record(KernelTraits<Operands>::name, kType, code);
    return true;
  }

  const KernelFunctions<T>& functions_;
  void* const& context_;
  PluginFailure& failure_;
};

/// The services that a plugin gets. Their functions receive the C part, which is the base of this.
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
  } catch (...) {  // nothing may throw across the interface: without memory the line is lost
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
    const FloatingPointGuard guard;
    const int code = call_foreign([&] { return plugin_.create(&host_, &context_); });
    if (code != LAMELLA_PLUGIN_OK)
      throw PluginError(
          formatted("plugin {} ({}): create {}", plugin_.name, plugin_.path, code_text(code)));
  }
  ~PluginBackend() override {
    if (plugin_.destroy == nullptr) return;
    const FloatingPointGuard guard;
    call_foreign([&] {
      plugin_.destroy(context_);
      return LAMELLA_PLUGIN_OK;
    });
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
