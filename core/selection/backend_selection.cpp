// The functions of <lamella/backend_selection.h>. The choice itself is choice.cpp's, and the table
// of what there is backend_table.cpp's.
#include <utility>

#include <lamella/backend_selection.h>

#include "backends/adaptive_threading.h"
#include "backends/driver_backend.h"
#include "core/kernels/trace.h"
#include "core/platform/environment.h"
#include "core/selection/backend_table.h"
#include "core/selection/choice.h"
#include "core/selection/explain.h"
#include "core/selection/plugin_selection.h"

namespace lamella {

using namespace detail;

namespace {

std::shared_ptr<const Backend> make_builtin(const detail::Choice& choice,
                                            const backends::ThreadingOptions& threading) {
  const auto info = choice.info();
  return backends::make_driver_backend(
      info, choice.is_scalar() ? backends::scalar_tables() : choice.isa->tables(),
      choice.builtin->make_executor(info.threads), threading);
}

}  // namespace

std::shared_ptr<const Backend> make_backend(const BackendRequest& request) {
  const bool verbose = detail::environment_flag("LAMELLA_VERBOSE");
  backends::ThreadingOptions threading;
  threading.adaptive = detail::environment_flag("LAMELLA_ADAPTIVE_THREADS", true);
  if (verbose) threading.trace = [](const char* line) noexcept { detail::print_trace(line); };
  auto choice = detail::choose(request);
  if (verbose) detail::print_trace(detail::explain(choice));
  auto backend = choice.plugin ? detail::make_plugin(std::move(*choice.plugin), choice.limit,
                                                     threading, verbose)
                               : make_builtin(choice, threading);
  return verbose ? detail::make_traced_backend(std::move(backend)) : std::move(backend);
}

std::vector<BackendStatus> list_builtin_backends() {
  std::vector<BackendStatus> list;
  for (const auto& entry : detail::backend_table()) {
    auto reason = detail::unavailable_reason(entry);
    const bool usable = reason.empty();
    list.push_back({entry.name, entry.make_executor != nullptr, usable,
                    usable ? std::string(entry.description) : std::move(reason)});
  }
  return list;
}

PluginFiles find_plugin_files() { return detail::plugin_files(); }

BackendStatus plugin_status(const std::string& name) { return detail::plugin_status_of(name); }

std::vector<BackendStatus> list_backends() {
  auto list = list_builtin_backends();
  const std::string* last = nullptr;
  const auto found = find_plugin_files();
  for (const auto& file : found.files) {
    if (last == nullptr || *last != file.name) list.push_back(plugin_status(file.name));
    last = &file.name;
  }
  return list;
}

std::vector<IsaStatus> list_isas(const BackendRequest& request) {
  const auto* selected = detail::choose_isa(detail::requested(request.isa, "LAMELLA_ISA"));
  std::vector<IsaStatus> list;
  for (const auto& entry : detail::isa_table()) {
    auto reason = detail::unavailable_reason(entry);
    const bool usable = reason.empty();
    list.push_back({entry.name, detail::is_compiled(entry), usable, &entry == selected,
                    usable ? std::string(entry.description) : std::move(reason)});
  }
  return list;
}

}  // namespace lamella
