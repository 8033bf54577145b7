// Finding a plugin (plugin_loader.h), and giving it threads (plugin_backend.h).
#include "core/selection/plugin_selection.h"

#include <string>
#include <string_view>
#include <utility>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/platform/floating_point.h"
#include "core/selection/plugin_loader.h"

namespace lamella::detail {

#if LAMELLA_WITH_PLUGINS
namespace {

/// Names that a plugin may not have.
std::vector<std::string_view> reserved_names() {
  std::vector<std::string_view> names = {"auto"};
  for (const auto& entry : backend_table()) names.emplace_back(entry.name);
  return names;
}

}  // namespace

PluginFiles plugin_files() { return find_files(); }

BackendStatus plugin_status_of(const std::string& name) {
  return status_of_plugin(name, reserved_names());
}

Plugin choose_plugin(const Request& name) {
  std::string problem;
  RefusedAs refused_as = RefusedAs::plugin;
  try {
    if (name.value.find('/') != std::string::npos) return open_plugin(name.value, reserved_names());
    auto search = find_plugin(name.value, reserved_names());
    if (search.plugin) return std::move(*search.plugin);
    problem = formatted("is unknown, also as a plugin ({})", search.tried);
    if (!search.looked) refused_as = RefusedAs::builtin;
  } catch (const BackendError& error) {
    problem = formatted("is not usable: {}", error.what());
  }
  refuse_backend(name, problem, refused_as);
}

std::shared_ptr<const Backend> make_plugin(Plugin plugin, const ThreadLimit& limit,
                                           const backends::ThreadingOptions& threading,
                                           bool verbose) {
  const std::shared_ptr<const backends::Executor> executor =
      backends::make_adaptive_executor(plugin_threads().make_executor(limit.threads), threading);
  return make_plugin_backend(
      std::move(plugin), limit,
      [executor](std::int32_t tasks, void (*body)(void*, std::int32_t), void* argument) {
        executor->run(tasks, [body, argument](int task) {
          const FloatingPointGuard guard;  // a thread of lamella's, which goes on after it
          body(argument, task);
        });
      },
      verbose);
}

#else

PluginFiles plugin_files() { return {}; }
BackendStatus plugin_status_of(const std::string& name) {
  return {name, false, false, "plugins are not compiled (-DLAMELLA_WITH_PLUGINS=ON)"};
}
Plugin choose_plugin(const Request& name) {
  refuse_backend(name, "is unknown (plugins are not compiled: -DLAMELLA_WITH_PLUGINS=ON)");
}
std::shared_ptr<const Backend> make_plugin(Plugin, const ThreadLimit&,
                                           const backends::ThreadingOptions&, bool) {
  return nullptr;  // not reached: choose_plugin() never returns
}

#endif

}  // namespace lamella::detail
