// Backends in shared libraries: found only where they should be, refused before any of their
// functions is called, and train networks.
#ifdef LAMELLA_WITH_PLUGINS

#include <dlfcn.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/matrix.h>
#include <lamella/network.h>
#include <lamella/plugin.h>

#include "tests/captured_stderr.h"
#include "tests/catch.h"
#include "tests/environment_guard.h"
#include "tests/scratch_directory.h"
#include "tests/selection/plugin_files.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

// The interface grows at its end only: what plugins of 1.0 and 1.1 were built with stays in place.
constexpr std::size_t place(std::size_t function) {
  return sizeof(std::size_t) + function * sizeof(void (*)());
}
static_assert(offsetof(lamella_plugin_kernels_f32, gemm) == place(0));
static_assert(offsetof(lamella_plugin_kernels_f32, outer_product) == place(3));
static_assert(offsetof(lamella_plugin_kernels_f32, fused_gemm) == place(4));
static_assert(offsetof(lamella_plugin_kernels_f32, softmax_nll) == place(7));
static_assert(offsetof(lamella_plugin_kernels_f32, sgd_update) == place(9));
static_assert(offsetof(lamella_plugin_kernels_f32, adam_update) == place(10));

/// The message of the BackendError that asking for this backend must throw.
std::string refusal(const std::string& name) {
  try {
    make_backend({.name = name});
  } catch (const BackendError& error) {
    return error.what();
  }
  FAIL("a BackendError was expected for " + name);
  return {};
}

/// A small network learns to tell the signs of its inputs apart; returns the losses of its steps.
template <class T>
std::vector<double> train(std::shared_ptr<const Backend> backend, int steps,
                          const Optimizer& optimizer = SgdOptions{.learning_rate = 0.5}) {
  Network<T> network({.inputs = 2, .hidden = {5}, .classes = 2}, std::move(backend), 7);
  const std::array<std::int32_t, 4> labels = {0, 1, 0, 1};
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    const auto x = network.batch_input(4);
    for (index_t i = 0; i < 4; ++i) {
      x(i, 0) = i % 2 == 0 ? T(1) : T(-1);
      x(i, 1) = T(i) / 4;
    }
    losses.push_back(network.train_batch(labels, {}, optimizer).loss_sum);
  }
  return losses;
}

TEST_CASE("a plugin is loaded by path, by argument and by LAMELLA_BACKEND", "[plugin]") {
  const CleanEnvironment clean;
  const auto backend = make_backend({.name = plugin_file("good")});
  CHECK(backend->info().name == "good");
  CHECK(backend->info().isa == "plugin");
  CHECK(backend->info().threads == thread_limit().threads);
  const EnvironmentGuard guard("LAMELLA_BACKEND", plugin_file("good").c_str());
  CHECK(make_backend()->info().name == "good");
  CHECK(make_backend({.name = "scalar"})->info().name == "scalar");
}

TEST_CASE("a plugin is found by name in the directories of LAMELLA_PLUGIN_PATH", "[plugin]") {
  const CleanEnvironment clean;
  CHECK_THAT(refusal("good"), ContainsSubstring("LAMELLA_PLUGIN_PATH is not set"));

  const EnvironmentGuard path("LAMELLA_PLUGIN_PATH",
                              ("/no/such/place:" + kPluginDirectory).c_str());
  CHECK(make_backend({.name = "good"})->info().name == "good");
  CHECK(make_backend({.name = "minimal"})->info().name == "minimal");  // a file liblamella-...
  const EnvironmentGuard name("LAMELLA_BACKEND", "good");
  CHECK(make_backend()->info().name == "good");
}

TEST_CASE("every path tried is named with the loader's reason", "[plugin]") {
  const CleanEnvironment clean;
  const ScratchDirectory other;
  other.write("lamella-nowhere.so", "this is no library");
  const EnvironmentGuard path("LAMELLA_PLUGIN_PATH",
                              ("/no/such/place:" + other.path().string()).c_str());
  const auto message = refusal("nowhere");
  CHECK_THAT(message, ContainsSubstring("\"nowhere\" (request) is unknown"));
  CHECK_THAT(message, ContainsSubstring("/no/such/place/lamella-nowhere.so: cannot open"));
  CHECK_THAT(message, ContainsSubstring("/no/such/place/liblamella-nowhere.so: cannot open"));
  CHECK_THAT(message, ContainsSubstring(other.path().string() + "/lamella-nowhere.so: "));
  CHECK_THAT(message, ContainsSubstring(other.path().string() + "/liblamella-nowhere.so: "));
  for (const char* known : {"auto", "scalar", "simd", "tbb", "openmp"})
    CHECK_THAT(message, ContainsSubstring(known));

  CHECK_THAT(refusal("/no/such/file.so"), ContainsSubstring("/no/such/file.so: cannot open"));
  CHECK_THAT(refusal("Not-A-Name"), ContainsSubstring("no plugin can have this name"));
}

TEST_CASE("the current directory is not searched, whatever the path says", "[plugin]") {
  const CleanEnvironment clean;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(kPluginDirectory);
  struct Back {
    std::filesystem::path path;
    ~Back() { std::filesystem::current_path(path); }
  } const back{before};

  CHECK_THAT(refusal("good"), ContainsSubstring("LAMELLA_PLUGIN_PATH is not set"));
  CHECK_THAT(refusal("lamella-good.so"), ContainsSubstring("is unknown"));
  for (const char* entries : {":", "/no/such/place:", ":/no/such/place", "/no::/such"}) {
    CAPTURE(entries);
    const EnvironmentGuard path("LAMELLA_PLUGIN_PATH", entries);
    CHECK_THAT(refusal("good"), ContainsSubstring("empty entry, which is ignored"));
  }
  const EnvironmentGuard dot("LAMELLA_PLUGIN_PATH", ".");
  CHECK_THAT(refusal("good"), ContainsSubstring("entry ., which is ignored"));
  const EnvironmentGuard empty("LAMELLA_PLUGIN_PATH", "");
  CHECK_THAT(refusal("good"), ContainsSubstring("LAMELLA_PLUGIN_PATH is set but empty"));
  CHECK(make_backend({.name = "./lamella-good.so"})->info().name == "good");  // a path is explicit
}

TEST_CASE("a bad plugin is refused with the reason, before it is called", "[plugin]") {
  // Those that are refused for their descriptor abort() in create.
  const CleanEnvironment clean;
  const std::vector<std::array<std::string, 2>> expectations = {
      {"wrong_major", "built for plugin interface 2.1, but this library speaks 1.1"},
      {"newer_minor", "built for plugin interface 1.2, but this library speaks 1.1"},
      {"short_descriptor", "its descriptor says "},
      {"short_kernels", "the kernels for f32 take "},
      {"null_kernel", "lacks the required kernel softmax for f64"},
      {"no_f64", "has no kernels for f64"},
      {"no_name", "has no name"},
      {"bad_name", "its name must be 1 to 64 of a-z, 0-9, - and _"},
      {"simd", "its name, simd, is that of a built-in backend"},
      {"no_symbol", "exports no object lamella_plugin"},
      {"failing_create", "create returned code 42 (unknown to lamella)"},
      {"unresolved", "lamella_test_function_that_does_not_exist"},
  };
  for (const auto& [variant, reason] : expectations) {
    CAPTURE(variant);
    const auto message = refusal(plugin_file(variant));
    CHECK_THAT(message, ContainsSubstring(reason));
    CHECK_THAT(message, ContainsSubstring(plugin_file(variant)));
    CHECK(dlopen(plugin_file(variant).c_str(), RTLD_LAZY | RTLD_NOLOAD) ==
          nullptr);  // closed again
  }
  // By name: the file's name must be the plugin's, and a built-in backend stays itself.
  const EnvironmentGuard path("LAMELLA_PLUGIN_PATH", kPluginDirectory.c_str());
  CHECK_THAT(refusal("misnamed"), ContainsSubstring("calls itself somebody_else"));
  CHECK_THAT(refusal("wrong_major"), ContainsSubstring("plugin interface 2.1"));
  CHECK(make_backend({.name = plugin_file("misnamed")})->info().name == "somebody_else");
  CHECK(make_backend({.name = "scalar"})->info().isa == "scalar");
}

TEST_CASE("plugins found are listed after the built-in backends, bad ones with reasons",
          "[plugin]") {
  const CleanEnvironment clean;
  const auto builtins = list_backends().size();
  const EnvironmentGuard path("LAMELLA_PLUGIN_PATH",
                              ("/no/such/place::" + kPluginDirectory).c_str());
  const auto list = list_backends();
  REQUIRE(list.size() > builtins);
  int usable = 0, unusable = 0;
  for (std::size_t i = builtins; i < list.size(); ++i) {
    CAPTURE(list[i].name, list[i].reason);
    CHECK_FALSE(list[i].compiled);
    CHECK_THAT(list[i].reason, ContainsSubstring(kPluginDirectory));
    (list[i].usable ? usable : unusable) += 1;
    if (list[i].name == "good" || list[i].name == "minimal") CHECK(list[i].usable);
    if (list[i].name == "wrong_major" || list[i].name == "simd") CHECK_FALSE(list[i].usable);
  }
  const auto message = refusal("nonsense");  // the valid names are built-in ones and plugins
  for (const auto& status : list) CHECK_THAT(message, ContainsSubstring(status.name));
  CHECK(usable >= 6);
  CHECK(unusable >= 10);
}

TEST_CASE("a plugin of four kernels trains a network, as the scalar backend does", "[plugin]") {
  const CleanEnvironment clean;
  const auto scalar32 = train<float>(make_backend({.name = "scalar"}), 20);
  const auto scalar64 = train<double>(make_backend({.name = "scalar"}), 20);
  const AdamOptions adam{.learning_rate = 0.05};
  const auto adam64 = train<double>(make_backend({.name = "scalar"}), 20, adam);
  CHECK(adam64.back() < 0.5 * adam64.front());
  CHECK(scalar64.back() < 0.5 * scalar64.front());
  for (const char* variant : {"good", "older", "declining"}) {
    CAPTURE(variant);
    const auto backend = make_backend({.name = plugin_file(variant)});
    const auto losses32 = train<float>(backend, 20);
    const auto losses64 = train<double>(backend, 20);
    const auto with_adam = train<double>(backend, 20, adam);
    CHECK_NOTHROW(backend->throw_if_failed());
    for (std::size_t i = 0; i < 20; ++i) {
      CHECK(std::abs(losses32[i] - scalar32[i]) <= 1e-4);
      CHECK(std::abs(losses64[i] - scalar64[i]) <= 1e-12);
      CHECK(std::abs(with_adam[i] - adam64[i]) <= 1e-12);
    }
  }
}

TEST_CASE("an optional kernel that a plugin has is used, for its type alone", "[plugin]") {
  const CleanEnvironment clean;
  const auto backend = make_backend({.name = plugin_file("optional")});
  Matrix<float> z32(2, 3), a32(2, 3);
  // An activation that plugin.h does not have is none of its business.
  backend->run(Activate<float>{{ActivationKind::gelu}, z32.view(), a32.view()});
  for (const float value : a32.values()) CHECK(value == 0);
  backend->run(Activate<float>{{ActivationKind::leaky_relu, 0.5}, z32.view(), a32.view()});
  for (const float value : a32.values()) CHECK(value == 200.5f);  // what odd_activate_f32 writes
  Matrix<double> z64(2, 3), a64(2, 3);
  backend->run(Activate<double>{{ActivationKind::sigmoid}, z64.view(), a64.view()});
  for (const double value : a64.values()) CHECK(value == 0.5);

  AdamUpdate<float> update;
  update.beta1 = 7;
  update.one_minus_beta1 = 6;
  update.beta2 = 5;
  update.one_minus_beta2 = 4;
  update.weight_decay = 0;
  update.weight_scale = 3;
  update.step_size = 2;
  update.epsilon = 1;
  update.gradient = z32.view();
  update.first = a32.view();
  Matrix<float> second(2, 3), weights(2, 3);
  update.second = second.view();
  update.weights = weights.view();
  backend->run(update);
  for (const float value : weights.values()) CHECK(value == 076540321);  // odd_adam_update_f32's
}

TEST_CASE("a plugin gets memory, a log, threads and its context; then it is closed", "[plugin]") {
  const CleanEnvironment clean;
  const EnvironmentGuard verbose("LAMELLA_VERBOSE", "1");
  CapturedStderr captured;
  auto backend = make_backend({.name = plugin_file("hosted"), .threads = 1});
  Matrix<float> a(2, 2), b(2, 2), c(2, 2);
  backend->gemm<float>(1, a.view(), b.view(), 0, c.view());
  backend.reset();
  const auto text = captured.text();
  CAPTURE(text);
  CHECK_THAT(text, ContainsSubstring("backend hosted, instruction set plugin, 1 thread"));
  CHECK_THAT(text, ContainsSubstring("plugin hosted: created with 1 threads, sum 328350\n"));
  CHECK_THAT(text, ContainsSubstring("plugin hosted: gemm\n"));
  CHECK_THAT(text, ContainsSubstring("lamella: gemm f32 2x2x2 hosted/plugin 1 thread "));
  CHECK_THAT(text, ContainsSubstring("plugin hosted: destroyed\n"));
  CHECK(dlopen(plugin_file("hosted").c_str(), RTLD_LAZY | RTLD_NOLOAD) == nullptr);

  const EnvironmentGuard quiet("LAMELLA_VERBOSE", "0");
  CapturedStderr nothing;
  CHECK(make_backend({.name = plugin_file("hosted")})->info().threads == thread_limit().threads);
  CHECK(nothing.text().empty());
}

TEST_CASE("a kernel that fails amid training stops it, and is not called again", "[plugin]") {
  const CleanEnvironment clean;
  const auto backend = make_backend({.name = plugin_file("failing")});
  std::string message;
  try {
    train<float>(backend, 100);
  } catch (const BackendError& error) {
    message = error.what();
  }
  CHECK_THAT(message, ContainsSubstring("plugin failing (" + plugin_file("failing") + ")"));
  CHECK_THAT(message, ContainsSubstring("gemm for f32 returned code 2 (out of memory)"));
  CHECK_THROWS_AS(backend->throw_if_failed(), BackendError);  // it stays so

  Matrix<float> a(2, 2), b(2, 2), c(2, 2);  // a further call would abort()
  CHECK_THROWS_AS(backend->gemm<float>(1, a.view(), b.view(), 0, c.view()), BackendError);
  CHECK_NOTHROW(make_backend({.name = "scalar"})->throw_if_failed());
}

TEST_CASE("every code that is not OK is an error, of any kernel", "[plugin]") {
  const CleanEnvironment clean;
  const std::vector<std::array<std::string, 2>> expectations = {
      {"declines_required", "gemm for f32 returned code 3 (declined, but it is required)"},
      {"fails_optional", "softmax_nll for f32 returned code -7 (unknown to lamella)"},
  };
  for (const auto& [variant, reason] : expectations) {
    CAPTURE(variant);
    const auto backend = make_backend({.name = plugin_file(variant)});
    std::string message;
    try {
      train<float>(backend, 3);
    } catch (const PluginError& error) {
      message = error.what();
    }
    CHECK_THAT(message, ContainsSubstring("plugin " + variant + " (" + plugin_file(variant) + ")"));
    CHECK_THAT(message, ContainsSubstring(reason));
    // One type's kernels are as lost as the other's: results of before may have been used by both.
    CHECK_THROWS_AS(train<double>(backend, 3), PluginError);
  }
}

}  // namespace
}  // namespace lamella::test

#endif  // LAMELLA_WITH_PLUGINS
