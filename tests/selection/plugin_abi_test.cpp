// Plugins of other versions and with odd sizes, and what a plugin may do to the thread that loads
// it: older and newer structs are read as far as they go, and settings of the thread stay.
#ifdef LAMELLA_WITH_PLUGINS

#include "core/selection/plugin_abi.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <array>
#include <cfenv>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/matrix.h>

#include "tests/catch.h"
#include "tests/environment_guard.h"
#include "tests/scratch_directory.h"
#include "tests/selection/plugin_files.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string refusal(const std::string& name) {
  try {
    make_backend({.name = name});
  } catch (const PluginError& error) {
    return error.what();
  }
  return "was not refused";
}

/// Whether numbers below the smallest normal one are still numbers in this thread.
bool has_denormals() {
  volatile float smallest = std::numeric_limits<float>::min();
  const float half = smallest / 2;
  return half > 0;
}

AdamUpdate<float> adam_of(Matrix<float>& gradient, Matrix<float>& first, Matrix<float>& second,
                          Matrix<float>& weights) {
  AdamUpdate<float> call;
  call.beta1 = call.one_minus_beta1 = call.beta2 = call.one_minus_beta2 = 0.5;
  call.weight_scale = call.step_size = call.epsilon = 1;
  call.gradient = gradient.view();
  call.first = first.view();
  call.second = second.view();
  call.weights = weights.view();
  return call;
}

TEST_CASE("a struct of another version is read as far as both know it", "[plugin]") {
  struct Version1 {
    std::size_t struct_size;
    const void* a;
  };
  struct Version2 {
    std::size_t struct_size;
    const void* a;
    const void* b;
  };
  const int one = 1;
  // The older one ends where the member that it lacks would begin.
  const std::array<Version1, 2> older = {{{sizeof(Version1), &one}, {99, &one}}};
  const auto grown = detail::copy_struct<Version2>(older.data(), sizeof(Version1));
  CHECK(grown.a == &one);
  CHECK(grown.b == nullptr);

  const Version2 newer = {sizeof(Version2), &one, &one};
  std::array<char, sizeof newer + 1> odd{};
  std::memcpy(odd.data() + 1, &newer, sizeof newer);  // nothing of ours aligns a plugin's structs
  CHECK(detail::copy_struct<Version1>(odd.data() + 1, sizeof newer).a == &one);
  CHECK(detail::copy_struct<Version2>(odd.data() + 1, sizeof newer).b == &one);
  CHECK(detail::copy_struct<Version2>(odd.data() + 1, 0).a == nullptr);

  for (const std::size_t size : {64U, 72U, 128U, 4096U}) CHECK(detail::plausible_size(size, 64));
  for (const std::size_t size : {std::size_t{0}, std::size_t{56}, std::size_t{67},
                                 std::size_t{4104}, std::numeric_limits<std::size_t>::max() - 7})
    CHECK_FALSE(detail::plausible_size(size, 64));
}

TEST_CASE("plugins of interface 1.0, and of longer structs than ours, compute", "[plugin]") {
  const CleanEnvironment clean;
  for (const char* variant : {"version_1_0", "longer", "older"}) {
    CAPTURE(variant);
    const auto backend = make_backend({.name = plugin_file(variant)});
    Matrix<float> gradient(2, 3), first(2, 3), second(2, 3), weights(2, 3);
    gradient.view()(1, 2) = 2;
    // Behind the end of the tables lies garbage: this would call it.
    backend->run(adam_of(gradient, first, second, weights));
    CHECK(first.view()(1, 2) == 1);
    CHECK(second.view()(1, 2) == 2);
    CHECK(weights.view()(1, 2) < 0);
    Matrix<double> a(2, 2), b(2, 2), c(2, 2);
    a.view()(0, 1) = b.view()(1, 0) = 3;
    backend->gemm<double>(1, a.view(), b.view(), 0, c.view());
    CHECK(c.view()(0, 0) == 9);
  }
}

TEST_CASE("a struct_size that no version can have is refused", "[plugin]") {
  // All of them abort() in create.
  const CleanEnvironment clean;
  const std::vector<std::array<std::string, 2>> expectations = {
      {"size_zero", "its descriptor says 0 bytes, but that of interface 1.0 had "},
      {"short_descriptor", "but that of interface 1.0 had "},
      {"size_huge", "its descriptor says "},
      {"size_odd", "set struct_size to sizeof(lamella_plugin_descriptor)"},
      {"size_of_more", "its descriptor says 4096 bytes, but the object lamella_plugin has "},
      {"kernels_zero", "the kernels for f32 take 0 bytes by their struct_size"},
      {"kernels_huge", "the kernels for f32 take "},
      {"kernels_odd", "set it to sizeof the struct"},
      {"no_f32", "has no kernels for f32"},
      {"empty_name", "its name must be 1 to 64 of a-z, 0-9, - and _"},
      {"endless_name", "its name must be 1 to 64 of a-z, 0-9, - and _"},
      {"function", "exports lamella_plugin as a function; it must be an object"},
      {"too_small", "exports lamella_plugin of 4 bytes, which is no descriptor"},
  };
  for (const auto& [variant, reason] : expectations) {
    CAPTURE(variant);
    CHECK_THAT(refusal(plugin_file(variant)), ContainsSubstring(plugin_file(variant) + ": "));
    CHECK_THAT(refusal(plugin_file(variant)), ContainsSubstring(reason));
  }
  // A description without an end does not go on for ever.
  const auto status = plugin_status(plugin_file("long_description"));
  CHECK(status.usable);
  CHECK_THAT(status.reason, ContainsSubstring(std::string(200, 'd') + " ("));
}

TEST_CASE("an exception out of a plugin is an error of the plugin", "[plugin]") {
  const CleanEnvironment clean;
  CHECK_THAT(refusal(plugin_file("throws_in_create")),
             ContainsSubstring("create threw an exception, which must not leave a plugin"));
  const auto backend = make_backend({.name = plugin_file("throws")});
  Matrix<double> a(2, 2), b(2, 2), c(2, 2);
  CHECK_THROWS_AS(backend->gemm<double>(1, a.view(), b.view(), 0, c.view()), PluginError);
  std::string message;
  try {
    backend->throw_if_failed();
  } catch (const PluginError& error) {
    message = error.what();
  }
  CHECK_THAT(message, ContainsSubstring("its kernel gemm for f64 threw an exception"));
  // An optional kernel is no different.
  const auto other = make_backend({.name = plugin_file("throws")});
  Matrix<float> z(2, 2), value(2, 2);
  CHECK_THROWS_AS(other->run(Activate<float>{{}, z.view(), value.view()}), PluginError);
}

TEST_CASE("denormal numbers are left on, whatever a plugin does to them", "[plugin]") {
  const CleanEnvironment clean;
  std::fenv_t before;
  std::fegetenv(&before);
  struct Restore {
    const std::fenv_t& environment;
    ~Restore() { std::fesetenv(&environment); }
  } const restore{before};
  REQUIRE(has_denormals());

  // The plugin does what this test is about.
  void* const library = dlopen(plugin_file("flushes").c_str(), RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library != nullptr);
#if defined(__x86_64__) || defined(__aarch64__)
  CHECK_FALSE(has_denormals());
#endif
  dlclose(library);
  std::fesetenv(&before);

  for (const char* variant : {"flushes", "fast_math"}) {
    CAPTURE(variant);
    CHECK(plugin_status(plugin_file(variant)).usable);
    CHECK(has_denormals());
    auto backend = make_backend({.name = plugin_file(variant)});
    CHECK(has_denormals());
    Matrix<float> a(2, 2), b(2, 2), c(2, 2);
    backend->gemm<float>(1, a.view(), b.view(), 0, c.view());
    CHECK(has_denormals());
    backend.reset();
    CHECK(has_denormals());
  }
  const EnvironmentGuard path("LAMELLA_PLUGIN_PATH", kPluginDirectory.c_str());
  CHECK(list_backends().size() > 20);
  CHECK(has_denormals());

  // Settings of the caller's own are kept as well: here they are off, and the plugin is not.
#if defined(__x86_64__) || defined(__aarch64__)
  void* const again = dlopen(plugin_file("flushes").c_str(), RTLD_NOW | RTLD_LOCAL);
  CHECK_FALSE(has_denormals());
  CHECK(make_backend({.name = plugin_file("good")})->info().name == "good");
  CHECK_FALSE(has_denormals());
  dlclose(again);
#endif
}

TEST_CASE("files that are named and listed are not opened", "[plugin]") {
  const CleanEnvironment clean;
  // Opening one of these ends this process.
  const std::string faulty = kPluginDirectory + "/faulty";
  const EnvironmentGuard path("LAMELLA_PLUGIN_PATH", faulty.c_str());
  const auto found = find_plugin_files();
  std::vector<std::string> names;
  for (const auto& file : found.files) {
    CHECK(file.path == faulty + "/lamella-" + file.name + ".so");
    names.push_back(file.name);
  }
  CHECK(names == std::vector<std::string>{"exits", "hangs", "illegal", "untidy"});
  CHECK(found.problems.empty());
  CHECK(list_builtin_backends().size() == 4);
  std::string message;
  try {
    make_backend({.name = "nonsense"});
  } catch (const BackendError& error) {
    message = error.what();
  }
  CHECK_THAT(message, ContainsSubstring("illegal (" + faulty + "/lamella-illegal.so)"));
}

TEST_CASE("a library that was cut off is refused instead of mapped", "[plugin]") {
  // As an interrupted copy leaves it: the loader would end this process by a bus error.
  const CleanEnvironment clean;
  const ScratchDirectory scratch;
  const auto file = scratch.path() / "lamella-good.so";
  const auto whole = std::filesystem::file_size(plugin_file("good"));
  for (const std::uintmax_t size : {whole / 2, whole / 8, std::uintmax_t{100}}) {
    CAPTURE(size);
    std::filesystem::copy_file(plugin_file("good"), file,
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(file, size);
    CHECK_THAT(refusal(file.string()), ContainsSubstring(file.string() + ": is cut off: it has "));
  }
}

TEST_CASE("what LAMELLA_PLUGIN_PATH leads to is told with what looks wrong", "[plugin]") {
  namespace fs = std::filesystem;
  const CleanEnvironment clean;
  const ScratchDirectory first, second;
  const auto copy = [](const std::string& variant, const fs::path& to) {
    fs::copy_file(plugin_file(variant), to);
  };
  copy("good", first.path() / "lamella-good.so");
  copy("good", second.path() / "liblamella-good.so");
  copy("good", second.path() / "lamella-good.so");
  copy("good", second.path() / "lamella-simd.so");
  second.write("lamella-.so", "has no name");
  second.write("other.so", "is no plugin");
  second.write("lamella-Good.so", "has a name that no plugin can have");
  second.write("lamella-a\nb.so", "has one, too");
  fs::create_directory(second.path() / "lamella-directory.so");
  REQUIRE(mkfifo((second.path() / "lamella-pipe.so").c_str(), 0600) == 0);
  const std::string a = first.path().string(), b = second.path().string();

  const EnvironmentGuard path("LAMELLA_PLUGIN_PATH",
                              ("/no/such/place::relative:" + a + ":" + b).c_str());
  const auto found = find_plugin_files();
  std::vector<std::string> paths;
  for (const auto& file : found.files) paths.push_back(file.path);
  CHECK(paths == std::vector<std::string>{b + "/lamella-directory.so", a + "/lamella-good.so",
                                          b + "/lamella-good.so", b + "/liblamella-good.so",
                                          b + "/lamella-pipe.so", b + "/lamella-simd.so"});
  std::string problems;
  for (const auto& problem : found.problems) problems += problem + "\n";
  CHECK_THAT(problems, ContainsSubstring("the directory /no/such/place cannot be read: No such"));
  CHECK_THAT(problems, ContainsSubstring("has an empty entry, which is ignored"));
  CHECK_THAT(problems, ContainsSubstring("has the entry relative, which is ignored"));
  CHECK_THAT(problems, ContainsSubstring("the plugin " + b + "/lamella-good.so is used only if " +
                                         a + "/lamella-good.so cannot be loaded"));
  CHECK_THAT(problems, ContainsSubstring(b + "/lamella-Good.so is left out: the name of a plugin"));
  CHECK_THAT(problems, ContainsSubstring(b + "/lamella-a\nb.so is left out"));
  CHECK_THAT(problems, !ContainsSubstring("every user"));

  // The pipe has no writer: to open it would be to wait for one.
  CHECK_THAT(plugin_status("pipe").reason, ContainsSubstring("/lamella-pipe.so: Exec format"));
  CHECK_THAT(plugin_status("directory").reason, ContainsSubstring("Is a directory"));
  CHECK_THAT(plugin_status("good").reason, ContainsSubstring(a + "/lamella-good.so"));
  CHECK(plugin_status("good").usable);
  CHECK_FALSE(plugin_status("simd").usable);
  CHECK_THAT(plugin_status("simd").reason, ContainsSubstring("built-in backend"));
  CHECK_THAT(plugin_status("no such").reason, ContainsSubstring("no plugin can have this name"));

  fs::permissions(first.path(), fs::perms::all);
  problems.clear();
  for (const auto& problem : find_plugin_files().problems) problems += problem + "\n";
  CHECK_THAT(problems, ContainsSubstring("every user may write to the directory " + a));
}

}  // namespace
}  // namespace lamella::test

#endif  // LAMELLA_WITH_PLUGINS
