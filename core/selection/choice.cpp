// Start reading at choose(), the last function.
#include "core/selection/choice.h"

#include <cstdlib>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/selection/plugin_selection.h"

namespace lamella::detail {
namespace {

std::string error_text(std::string_view kind, const Request& request, std::string_view problem) {
  if (request.value.empty()) return formatted("{} is set but empty", request.source);
  return formatted("{} \"{}\" ({}) {}", kind, request.value, request.source, problem);
}

[[noreturn]] void refuse_isa(const Request& cap, std::string_view problem) {
  std::string names;
  for (const auto& entry : isa_table()) {
    const auto reason = unavailable_reason(entry);
    names += names.empty() ? "" : ", ";
    names += reason.empty() ? std::string(entry.name)
                            : formatted("{} (not usable: {})", entry.name, reason);
  }
  throw BackendError(
      formatted("{}; known are {}", error_text("instruction set", cap, problem), names));
}

/// The built-in backend of this name; null if there is none.
const BackendEntry* choose_builtin(const std::optional<Request>& name, const ThreadWish& wish) {
  if (name && name->value.empty()) refuse_backend(*name, "is empty");
  if (!name || name->value == "auto") {
    const BackendEntry* best = &backend_table().front();
    for (const auto& entry : backend_table())
      if (unavailable_to_auto_reason(entry, wish).empty()) best = &entry;
    return best;
  }
  for (const auto& entry : backend_table()) {
    if (name->value != entry.name) continue;
    if (!unavailable_reason(entry).empty()) refuse_backend(*name, "is not usable here");
    return &entry;
  }
  return nullptr;
}

}  // namespace

std::optional<Request> requested(const std::string& argument, const char* variable) {
  if (!argument.empty()) return Request{argument, "request"};
  // An empty value is a request too: the refusal lists the names it could have been.
  if (const char* value = std::getenv(variable)) return Request{value, variable};
  return std::nullopt;
}

const IsaEntry* choose_isa(const std::optional<Request>& cap) {
  if (cap && cap->value.empty()) refuse_isa(*cap, "is empty");
  const IsaEntry* best = nullptr;
  bool found = false;
  for (const auto& entry : isa_table()) {
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

void refuse_backend(const Request& name, std::string_view problem, RefusedAs refused_as) {
  std::string names = "auto";
  for (const auto& entry : backend_table()) {
    const auto reason = unavailable_reason(entry);
    names += formatted(", {}", entry.name);
    if (!reason.empty()) names += formatted(" ({})", reason);
  }
  // Files that were not asked for are named, and not opened: that would run their code.
  for (const auto& file : plugin_files().files)
    names += formatted(", {} ({})", file.name, file.path);
  const auto text = formatted("{}; known are {}", error_text("backend", name, problem), names);
  if (refused_as == RefusedAs::plugin) throw PluginError(text);
  throw BackendError(text);
}

ThreadLimit limit_of(const BackendEntry& entry, const ThreadWish& wish) {
  if (entry.library_threads == nullptr || wish.limit.threads == 1) return wish.limit;
  if (entry.has_lost_threads()) return {1, "child of fork()"};
  const backends::LibraryThreads library = entry.library_threads();
  ThreadLimit limit = wish.limit;
  // As OpenMP has it: who asks for a number is not bound by the usual one, but by the largest.
  if (!wish.is_explicit && library.usual < limit.threads)
    limit = {library.usual, library.usual_set_by};
  if (library.most < limit.threads) limit = {library.most, library.most_set_by};
  return limit;
}

std::string unavailable_to_auto_reason(const BackendEntry& entry, const ThreadWish& wish) {
  auto reason = unavailable_reason(entry);
  if (!reason.empty() || !entry.threads) return reason;
  const ThreadLimit limit = limit_of(entry, wish);
  if (limit.threads < 2) reason = formatted("only one thread is allowed ({})", limit.limited_by);
  return reason;
}

BackendInfo Choice::info() const {
  if (plugin) return {plugin->name, "plugin", limit.threads, limit.limited_by};
  const bool threads = builtin->threads;
  return {builtin->name, is_scalar() ? "scalar" : isa->name, threads ? limit.threads : 1,
          threads ? limit.limited_by : "a backend of one thread"};
}

Choice choose(const BackendRequest& request) {
  Choice choice;
  choice.name = requested(request.name, "LAMELLA_BACKEND");
  choice.cap = requested(request.isa, "LAMELLA_ISA");
  choice.wish = {thread_limit(request.threads),
                 request.threads > 0 || std::getenv("LAMELLA_NUM_THREADS") != nullptr};
  choice.isa = choose_isa(choice.cap);
  choice.builtin = choose_builtin(choice.name, choice.wish);
  if (choice.builtin == nullptr) choice.plugin = choose_plugin(*choice.name);
  choice.limit =
      limit_of(choice.builtin != nullptr ? *choice.builtin : plugin_threads(), choice.wish);
  return choice;
}

}  // namespace lamella::detail
