// Plugins built with the plugin.h of this tree, loaded by a loader that was built with a plugin.h
// whose structs have one member more (CMakeLists.txt makes it).
//
// Arguments: files of plugins. Exits 1 if one of them is refused, or computes something wrong.
#include <cstdio>
#include <exception>

#include <lamella/matrix.h>
#include <lamella/plugin.h>

#include "core/selection/plugin_backend.h"
#include "core/selection/plugin_loader.h"

static_assert(LAMELLA_PLUGIN_ABI_MINOR == 99, "this is not the header that has grown");

namespace {

bool works(const char* file) {
  auto plugin = lamella::detail::open_plugin(file, {});
  if (plugin.f32.added != nullptr || plugin.f64.added != nullptr) {
    std::printf("%s: has a kernel that its version does not know\n", file);
    return false;
  }
  const auto backend = lamella::detail::make_plugin_backend(
      std::move(plugin), {1, "the test"},
      [](auto tasks, auto body, void* argument) {
        for (int task = 0; task < tasks; ++task) body(argument, task);
      },
      false);
  lamella::Matrix<float> a(1, 1), b(1, 1), c(1, 1);
  a.view()(0, 0) = 3;
  b.view()(0, 0) = 5;
  backend->gemm<float>(1, a.view(), b.view(), 0, c.view());
  std::printf("%s: 3 x 5 = %g\n", file, static_cast<double>(c.view()(0, 0)));
  return c.view()(0, 0) == 15;
}

}  // namespace

int main(int argc, char** argv) {
  int working = 0;
  for (int i = 1; i < argc; ++i) {
    try {
      working += works(argv[i]) ? 1 : 0;
    } catch (const std::exception& error) {
      std::printf("%s\n", error.what());
    }
  }
  return argc > 1 && working == argc - 1 ? 0 : 1;
}
