// The choice of a backend and an instruction set, out of a request, the environment and what can be
// used here.
#ifndef LAMELLA_CORE_SELECTION_CHOICE_H_
#define LAMELLA_CORE_SELECTION_CHOICE_H_

#include <optional>
#include <string>
#include <string_view>

#include <lamella/backend_selection.h>

#include "core/selection/backend_table.h"
#include "core/selection/plugin_backend.h"

namespace lamella::detail {

/// A name that was asked for, and by what: "request" or an environment variable.
struct Request {
  std::string value;
  const char* source;
};

/// The argument, else the value of the environment variable, else nothing.
std::optional<Request> requested(const std::string& argument, const char* variable);

/// The best usable instruction set not above the cap; null where no vector kernels are usable.
/// Throws BackendError if the cap is unknown or not usable.
const IsaEntry* choose_isa(const std::optional<Request>& cap);

/// How many threads there may be before a backend is looked at.
struct ThreadWish {
  ThreadLimit limit;
  bool is_explicit = false;  ///< a number was asked for, by the request or LAMELLA_NUM_THREADS
};

/// What make_backend has settled on, and what asked for it.
struct Choice {
  std::optional<Request> name, cap;
  ThreadWish wish;
  ThreadLimit limit;                      ///< of the backend that was chosen
  const IsaEntry* isa = nullptr;          ///< null: no vector kernels are usable here
  const BackendEntry* builtin = nullptr;  ///< null: a plugin
  std::optional<Plugin> plugin;

  bool is_automatic() const { return !name || name->value == "auto"; }
  bool is_scalar() const { return builtin != nullptr && (builtin->scalar_kernels || !isa); }
  bool is_vector() const { return builtin != nullptr && !is_scalar(); }
  BackendInfo info() const;
};

/// Throws BackendError or PluginError as make_backend does.
Choice choose(const BackendRequest& request);

/// How many threads a backend may use: the wish, or what its thread library allows if that is less.
ThreadLimit limit_of(const BackendEntry& entry, const ThreadWish& wish);

/// Why `auto` passes over a backend; empty if it does not.
std::string unavailable_to_auto_reason(const BackendEntry& entry, const ThreadWish& wish);

/// What an error says of a name that cannot be had.
enum class RefusedAs { builtin, plugin };

/// Throws an error that says what is wrong with `name` and lists the names that there are, each
/// unusable one with its reason: PluginError if it was looked for as a plugin, else BackendError.
[[noreturn]] void refuse_backend(const Request& name, std::string_view problem,
                                 RefusedAs refused_as = RefusedAs::builtin);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_SELECTION_CHOICE_H_
