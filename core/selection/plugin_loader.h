// Finds, opens and checks backends in shared libraries; their interface is <lamella/plugin.h>.
//
// Not here: what calls their kernels (plugin_backend.h).
#ifndef LAMELLA_CORE_SELECTION_PLUGIN_LOADER_H_
#define LAMELLA_CORE_SELECTION_PLUGIN_LOADER_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/backend_selection.h>

#include "core/selection/plugin_backend.h"

namespace lamella::detail {

/// Opens the plugin in the file `path`, which holds a slash. Throws BackendError, naming the file
/// and what is wrong with it; a name among `reserved` is wrong.
Plugin open_plugin(const std::string& path, std::span<const std::string_view> reserved);

/// The result of a search for a plugin by name.
struct PluginSearch {
  std::optional<Plugin> plugin;
  std::string tried;    ///< every file that could not be opened, with the loader's reason
  bool looked = false;  ///< whether there was a directory to look in
};

/// Looks for lamella-NAME.so and liblamella-NAME.so in the directories of LAMELLA_PLUGIN_PATH
/// (absolute, separated by colons), in their order, and nowhere else. The first file that can be
/// opened must be a plugin of that name: BackendError if it is not.
PluginSearch find_plugin(std::string_view name, std::span<const std::string_view> reserved);

/// The files in the directories of LAMELLA_PLUGIN_PATH that are called as plugins are, by name, and
/// those of one name in the order in which find_plugin() tries them. Opens none of them.
PluginFiles find_files();

/// Whether a plugin, by its name or path, can be used; opens it, which runs its initialisers, but
/// calls no function of it.
BackendStatus status_of_plugin(const std::string& name, std::span<const std::string_view> reserved);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_SELECTION_PLUGIN_LOADER_H_
