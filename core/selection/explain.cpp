// One line for the choice, one for each backend and each instruction set that was not chosen.
#include "core/selection/explain.h"

#include "core/base/format.h"

namespace lamella::detail {

std::string explain(const Choice& choice) {
  const bool automatic = choice.is_automatic();
  const auto info = choice.info();
  auto text = formatted("lamella: backend {}, instruction set {}, {} {} ({}); chosen by {}\n",
                        info.name, info.isa, info.threads, info.threads == 1 ? "thread" : "threads",
                        info.threads_limited_by, automatic ? "auto" : choice.name->source);
  for (const auto& entry : backend_table()) {
    if (&entry == choice.builtin) continue;
    auto reason =
        automatic ? unavailable_to_auto_reason(entry, choice.wish) : unavailable_reason(entry);
    if (reason.empty())
      reason = automatic
                   ? formatted("auto prefers {}, as {} {}", info.name, entry.name, entry.weakness)
                   : formatted("{} asks for {}", choice.name->source, info.name);
    text += formatted("lamella: backend {} not chosen: {}\n", entry.name, reason);
  }
  for (const auto& entry : isa_table()) {
    if (&entry == choice.isa && choice.is_vector()) continue;
    auto reason = unavailable_reason(entry);
    if (reason.empty())
      reason = !choice.is_vector()   ? formatted("{} does not use it", info.name)
               : &entry < choice.isa ? formatted("{} is faster", choice.isa->name)
                                     : formatted("above the cap of {}", choice.cap->source);
    text += formatted("lamella: instruction set {} not chosen: {}\n", entry.name, reason);
  }
  return text;
}

}  // namespace lamella::detail
