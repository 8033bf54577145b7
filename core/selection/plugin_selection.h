// Plugins as candidates of the selection. A library without plugins has this interface, too.
#ifndef LAMELLA_CORE_SELECTION_PLUGIN_SELECTION_H_
#define LAMELLA_CORE_SELECTION_PLUGIN_SELECTION_H_

#include <memory>
#include <string>

#include <lamella/backend_selection.h>

#include "backends/adaptive_threading.h"
#include "core/selection/choice.h"
#include "core/selection/plugin_backend.h"

namespace lamella::detail {

/// find_plugin_files() and plugin_status() of <lamella/backend_selection.h>.
PluginFiles plugin_files();
BackendStatus plugin_status_of(const std::string& name);

/// The plugin that a path stands for, or a name that is not built in. Throws BackendError or
/// PluginError if there is none that can be used.
Plugin choose_plugin(const Request& name);

/// The backend of a plugin, with an executor for its parallel loops.
std::shared_ptr<const Backend> make_plugin(Plugin plugin, const ThreadLimit& limit,
                                           const backends::ThreadingOptions& threading,
                                           bool verbose);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_SELECTION_PLUGIN_SELECTION_H_
