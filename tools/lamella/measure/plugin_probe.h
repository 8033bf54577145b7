// Backends for the command line. A plugin is foreign code: it is tried in a child process before it
// is loaded into this one, so that its end is a message and not that of the program.
#ifndef LAMELLA_TOOLS_LAMELLA_MEASURE_PLUGIN_PROBE_H_
#define LAMELLA_TOOLS_LAMELLA_MEASURE_PLUGIN_PROBE_H_

#include <memory>
#include <vector>

#include <lamella/backend.h>
#include <lamella/backend_selection.h>

namespace lamella::cli {

/// make_backend(request). A plugin is made in a child process first; what it does there is an
/// error if it is not to return. In this process it leaves directory, locale, file mode mask and
/// signals as they are, and what it prints goes to standard error. Throws what make_backend()
/// throws, and PluginError if the child did not survive it.
std::shared_ptr<const Backend> open_backend(const BackendRequest& request);

/// What open_backend() would return, found without loading a plugin into this process. With
/// `Isolation::all` no backend is made here, and so no thread started.
enum class Isolation { plugins, all };
BackendInfo probe_backend(const BackendRequest& request, Isolation isolation);

/// list_backends(), each plugin opened in a child process of its own.
std::vector<BackendStatus> list_backends_isolated();

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_MEASURE_PLUGIN_PROBE_H_
