// A loaded plugin as a Backend: operands to C structs, return codes to a recorded failure.
//
// Not here: finding, opening and checking the shared library (plugin_loader.h).
#ifndef LAMELLA_CORE_SELECTION_PLUGIN_BACKEND_H_
#define LAMELLA_CORE_SELECTION_PLUGIN_BACKEND_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <lamella/backend_selection.h>
#include <lamella/plugin.h>

namespace lamella::detail {

/// A plugin whose descriptor has been checked. None of its functions has been called yet.
struct Plugin {
  std::shared_ptr<void> library;  // closes the shared library when the last copy goes
  std::string path, name, description;
  int (*create)(const lamella_plugin_host*, void**) = nullptr;
  void (*destroy)(void*) = nullptr;
  lamella_plugin_kernels_f32 f32{};  // copies; kernels that the plugin's version lacks are null
  lamella_plugin_kernels_f64 f64{};
};

/// Calls body(argument, 0) ... body(argument, tasks - 1), each once. Must not throw.
using ParallelFor =
    std::function<void(std::int32_t tasks, void (*body)(void*, std::int32_t), void* argument)>;

/// Calls the plugin's create. The backend keeps the library open and calls destroy at its end.
/// Throws BackendError, with the code, if create fails.
std::shared_ptr<const Backend> make_plugin_backend(Plugin plugin, const ThreadLimit& limit,
                                                   ParallelFor parallel_for, bool verbose);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_SELECTION_PLUGIN_BACKEND_H_
