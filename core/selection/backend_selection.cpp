// The table of built-in backends and instruction sets, and the choice among them at run time.
//
// Start reading at kBackends. The only file of core/ that names backends; nothing registers itself,
// because a static archive would lose what does.
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include <lamella/backend_selection.h>
#include <lamella/error.h>

#include "backends/driver_backend.h"
#include "backends/executor.h"
#include "backends/kernel_table.h"
#include "core/base/format.h"
#include "core/kernels/trace.h"
#include "core/platform/cpu.h"
#include "core/platform/environment.h"
#include "core/selection/plugin_loader.h"

namespace lamella {
namespace {

using backends::KernelTables;
using detail::Isa;

using MakeExecutor = std::unique_ptr<backends::Executor> (*)(int threads);

std::unique_ptr<backends::Executor> one_thread(int) { return backends::make_serial_executor(); }

#if LAMELLA_WITH_OPENMP
constexpr MakeExecutor kOpenMp = backends::make_openmp_executor;
#else
constexpr MakeExecutor kOpenMp = nullptr;
#endif
#if LAMELLA_WITH_TBB
constexpr MakeExecutor kTbb = backends::make_tbb_executor;
#else
constexpr MakeExecutor kTbb = nullptr;
#endif

struct BackendEntry {
  const char* name;
  bool scalar_kernels;         // else those of the best instruction set
  bool threads;                // may use more than one
  MakeExecutor make_executor;  // null: not compiled
  const char* option;          // what compiles it
  const char* description;
};

/// The built-in backends. `auto` takes the last one that is usable and fits the thread limit.
constexpr BackendEntry kBackends[] = {
    {"scalar", true, false, one_thread, "", "plain loops, one thread"},
    {"simd", false, false, one_thread, "", "vector kernels, one thread"},
    {"tbb", false, true, kTbb, "LAMELLA_WITH_TBB", "vector kernels on oneTBB threads"},
    {"openmp", false, true, kOpenMp, "LAMELLA_WITH_OPENMP", "vector kernels on OpenMP threads"},
};

struct IsaEntry {
  const char* name;
  Isa isa;
  KernelTables (*tables)();
  const char* description;
};

/// The instruction sets, slowest first within a processor family.
constexpr IsaEntry kIsas[] = {
    {"baseline", Isa::baseline, backends::baseline_tables, "SSE2: any x86-64"},
    {"avx2", Isa::avx2, backends::avx2_tables, "AVX2 and FMA"},
    {"avx512", Isa::avx512, backends::avx512_tables, "AVX-512 F, CD, DQ, BW, VL"},
    {"neon", Isa::neon, backends::neon_tables, "Advanced SIMD: any AArch64"},
};

// Instruction sets.

bool compiled(const IsaEntry& entry) {
  const auto tables = entry.tables();
  return tables.f32 != nullptr && tables.f64 != nullptr;
}

/// Why the kernels of an instruction set cannot be used; empty if they can.
std::string unavailable_reason(const IsaEntry& entry) {
  auto reason = detail::isa_obstacle(entry.isa);
  if (reason.empty() && !compiled(entry)) reason = "not compiled into this library";
  return reason;
}

/// A name that somebody asked for, and who: "request" or an environment variable.
struct Request {
  std::string value;
  const char* source;
};

std::optional<Request> requested(const std::string& argument, const char* variable) {
  if (!argument.empty()) return Request{argument, "request"};
  // An empty value is a request too: the refusal lists the names it could have been.
  if (const char* value = std::getenv(variable)) return Request{value, variable};
  return std::nullopt;
}

std::string error_text(std::string_view kind, const Request& request, std::string_view problem) {
  if (request.value.empty()) return formatted("{} is set but empty", request.source);
  return formatted("{} \"{}\" ({}) {}", kind, request.value, request.source, problem);
}

[[noreturn]] void refuse_isa(const Request& cap, std::string_view problem) {
  std::string names;
  for (const auto& entry : kIsas) {
    const auto reason = unavailable_reason(entry);
    names += names.empty() ? "" : ", ";
    names += reason.empty() ? std::string(entry.name)
                            : formatted("{} (not usable: {})", entry.name, reason);
  }
  throw BackendError(
      formatted("{}; known are {}", error_text("instruction set", cap, problem), names));
}

/// The best usable instruction set not above the cap; null where no vector kernels are usable.
const IsaEntry* choose_isa(const std::optional<Request>& cap) {
  if (cap && cap->value.empty()) refuse_isa(*cap, "is empty");
  const IsaEntry* best = nullptr;
  bool found = false;
  for (const auto& entry : kIsas) {
    const bool usable = unavailable_reason(entry).empty();
    if (usable) best = &entry;
    if (cap && cap->value == entry.name) {
      if (!usable) refuse_isa(*cap, "is not usable here");
      found = true;
      break;
    }
  }
  if (cap && !found) refuse_isa(*cap, "is unknown");
  return best;
}

// Backends.

/// Why a backend cannot be used at all; empty if it can.
std::string unavailable_reason(const BackendEntry& entry) {
  if (entry.make_executor == nullptr)
    return formatted("not compiled: configure with -D{}=ON", entry.option);
  // Threads over scalar kernels are still worth having; simd would be scalar by another name.
  if (!entry.scalar_kernels && !entry.threads && choose_isa(std::nullopt) == nullptr)
    return formatted("no vector kernels for this processor ({})", detail::processor_family());
  return {};
}

#if LAMELLA_WITH_PLUGINS
/// Names that a plugin may not have.
std::vector<std::string_view> reserved_names() {
  std::vector<std::string_view> names = {"auto"};
  for (const auto& entry : kBackends) names.emplace_back(entry.name);
  return names;
}

std::vector<BackendStatus> plugins_found() { return detail::list_plugins(reserved_names()); }
#else
std::vector<BackendStatus> plugins_found() { return {}; }
#endif

[[noreturn]] void refuse_backend(const Request& name, std::string_view problem,
                                 bool as_plugin = false) {
  std::string names = "auto";
  for (const auto& entry : kBackends) {
    const auto reason = unavailable_reason(entry);
    names += formatted(", {}", entry.name);
    if (!reason.empty()) names += formatted(" ({})", reason);
  }
  for (const auto& plugin : plugins_found())
    names += plugin.usable ? formatted(", {}", plugin.name)
                           : formatted(", {} ({})", plugin.name, plugin.reason);
  const auto text = formatted("{}; known are {}", error_text("backend", name, problem), names);
  if (as_plugin) throw PluginError(text);
  throw BackendError(text);
}

/// Why `auto` passes over a backend; empty if it does not.
std::string unavailable_to_auto_reason(const BackendEntry& entry, const ThreadLimit& limit) {
  auto reason = unavailable_reason(entry);
  if (reason.empty() && entry.threads && limit.threads < 2)
    reason = formatted("only one thread is allowed ({})", limit.limited_by);
  return reason;
}

/// The built-in backend of this name; null if there is none.
const BackendEntry* choose_builtin(const std::optional<Request>& name, const ThreadLimit& limit) {
  if (name && name->value.empty()) refuse_backend(*name, "is empty");
  if (!name || name->value == "auto") {
    const BackendEntry* best = &kBackends[0];
    for (const auto& entry : kBackends)
      if (unavailable_to_auto_reason(entry, limit).empty()) best = &entry;
    return best;
  }
  for (const auto& entry : kBackends) {
    if (name->value != entry.name) continue;
    if (!unavailable_reason(entry).empty()) refuse_backend(*name, "is not usable here");
    return &entry;
  }
  return nullptr;
}

// Plugins.

#if LAMELLA_WITH_PLUGINS

/// The plugin that a path, or a name that is not built in, stands for.
detail::Plugin choose_plugin(const Request& name) {
  std::string problem;
  bool looked_for = true;
  try {
    if (name.value.find('/') != std::string::npos)
      return detail::open_plugin(name.value, reserved_names());
    auto search = detail::find_plugin(name.value, reserved_names());
    if (search.plugin) return std::move(*search.plugin);
    problem = formatted("is unknown, also as a plugin ({})", search.tried);
    looked_for = search.looked;
  } catch (const BackendError& error) {
    problem = formatted("is not usable: {}", error.what());
  }
  refuse_backend(name, problem, looked_for);
}

std::shared_ptr<const Backend> make_plugin(detail::Plugin plugin, const ThreadLimit& limit,
                                           bool verbose) {
  // The first, oneTBB if it is there. A plugin forks and joins in every kernel. libgomp's join
  // waits for all threads of the team, also for one whose processor another program has; a oneTBB
  // caller does itself what nobody has begun. Beside builds an epoch took 12 s instead of 51.
  MakeExecutor make = one_thread;
  for (const auto& entry : kBackends)
    if (make == one_thread && entry.threads && entry.make_executor != nullptr)
      make = entry.make_executor;
  std::shared_ptr<const backends::Executor> executor = make(limit.threads);
  return detail::make_plugin_backend(
      std::move(plugin), limit,
      [executor](std::int32_t tasks, void (*body)(void*, std::int32_t), void* argument) {
        executor->run(tasks, [body, argument](int task) { body(argument, task); });
      },
      verbose);
}

#else

detail::Plugin choose_plugin(const Request& name) {
  refuse_backend(name, "is unknown (plugins are not compiled: -DLAMELLA_WITH_PLUGINS=ON)");
}
std::shared_ptr<const Backend> make_plugin(detail::Plugin, const ThreadLimit&, bool) {
  return nullptr;  // not reached: choose_plugin() never returns
}

#endif

// The choice, and its explanation in verbose mode.

/// What make_backend settled on, with what asked for it.
struct Choice {
  std::optional<Request> name, cap;
  ThreadLimit limit;
  const IsaEntry* isa = nullptr;          // null: no vector kernels are usable here
  const BackendEntry* builtin = nullptr;  // null: a plugin
  std::optional<detail::Plugin> plugin;

  bool scalar() const { return builtin != nullptr && (builtin->scalar_kernels || isa == nullptr); }
  bool vector() const { return builtin != nullptr && !scalar(); }
  BackendInfo info() const {
    if (plugin) return {plugin->name, "plugin", limit.threads, limit.limited_by};
    const bool threads = builtin->threads;
    return {builtin->name, scalar() ? "scalar" : isa->name, threads ? limit.threads : 1,
            threads ? limit.limited_by : "a backend of one thread"};
  }
};

Choice choose(const BackendRequest& request) {
  Choice choice;
  choice.name = requested(request.name, "LAMELLA_BACKEND");
  choice.cap = requested(request.isa, "LAMELLA_ISA");
  choice.limit = thread_limit(request.threads);
  choice.isa = choose_isa(choice.cap);
  choice.builtin = choose_builtin(choice.name, choice.limit);
  if (choice.builtin == nullptr) choice.plugin = choose_plugin(*choice.name);
  return choice;
}

/// What was chosen, and why the others were not: a line each.
std::string explain(const Choice& choice) {
  const bool automatic = !choice.name || choice.name->value == "auto";
  const auto info = choice.info();
  auto text = formatted("lamella: backend {}, instruction set {}, {} {} ({}); chosen by {}\n",
                        info.name, info.isa, info.threads, info.threads == 1 ? "thread" : "threads",
                        info.threads_limited_by, automatic ? "auto" : choice.name->source);
  for (const auto& entry : kBackends) {
    if (&entry == choice.builtin) continue;
    auto reason =
        automatic ? unavailable_to_auto_reason(entry, choice.limit) : unavailable_reason(entry);
    if (reason.empty())
      reason = automatic ? formatted("auto prefers {}", info.name)
                         : formatted("{} asks for {}", choice.name->source, info.name);
    text += formatted("lamella: backend {} not chosen: {}\n", entry.name, reason);
  }
  for (const auto& entry : kIsas) {
    if (&entry == choice.isa && choice.vector()) continue;
    auto reason = unavailable_reason(entry);
    if (reason.empty())
      reason = !choice.vector()      ? formatted("{} does not use it", info.name)
               : &entry < choice.isa ? formatted("{} is faster", choice.isa->name)
                                     : formatted("above the cap of {}", choice.cap->source);
    text += formatted("lamella: instruction set {} not chosen: {}\n", entry.name, reason);
  }
  return text;
}

std::shared_ptr<const Backend> make_builtin(const Choice& choice) {
  const auto info = choice.info();
  return backends::make_driver_backend(
      info, choice.scalar() ? backends::scalar_tables() : choice.isa->tables(),
      choice.builtin->make_executor(info.threads));
}

}  // namespace

std::shared_ptr<const Backend> make_backend(const BackendRequest& request) {
  const bool verbose = detail::environment_flag("LAMELLA_VERBOSE");
  auto choice = choose(request);
  if (verbose) detail::print_trace(explain(choice));
  auto backend = choice.plugin ? make_plugin(std::move(*choice.plugin), choice.limit, verbose)
                               : make_builtin(choice);
  return verbose ? detail::make_traced_backend(std::move(backend)) : std::move(backend);
}

std::vector<BackendStatus> list_backends() {
  std::vector<BackendStatus> list;
  for (const auto& entry : kBackends) {
    auto reason = unavailable_reason(entry);
    const bool usable = reason.empty();
    list.push_back({entry.name, entry.make_executor != nullptr, usable,
                    usable ? std::string(entry.description) : std::move(reason)});
  }
  for (auto& plugin : plugins_found()) list.push_back(std::move(plugin));
  return list;
}

std::vector<IsaStatus> list_isas(const BackendRequest& request) {
  const IsaEntry* selected = choose_isa(requested(request.isa, "LAMELLA_ISA"));
  std::vector<IsaStatus> list;
  for (const auto& entry : kIsas) {
    auto reason = unavailable_reason(entry);
    const bool usable = reason.empty();
    list.push_back({entry.name, compiled(entry), usable, &entry == selected,
                    usable ? std::string(entry.description) : std::move(reason)});
  }
  return list;
}

}  // namespace lamella
