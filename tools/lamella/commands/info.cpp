// `lamella info`: what was compiled in, what this machine can use, what is selected, and why.
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/version.h>

#include "tools/lamella/commands.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/json.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/io/text_table.h"
#include "tools/lamella/measure/plugin_probe.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

/// What is known about this machine. A bad request leaves some of it unknown; the rest is printed
/// all the same, because it helps to correct the request.
struct Findings {
  std::vector<BackendStatus> backends;
  std::vector<IsaStatus> isas;
  std::optional<ThreadLimit> threads;
  std::optional<BackendInfo> selected;
};

/// Calls `look`; keeps the first error in `problem`.
template <class Look>
void attempt(std::exception_ptr& problem, const Look& look) {
  try {
    look();
  } catch (const BackendError&) {
    if (!problem) problem = std::current_exception();
  }
}

bool is_selected(const Findings& found, const BackendStatus& status) {
  return found.selected && found.selected->name == status.name;
}

/// Backend selection says which set would be used; the scalar backend uses none of them.
bool is_selected(const Findings& found, const IsaStatus& status) {
  return status.selected && found.selected && found.selected->isa == status.name;
}

/// Settings that a user may expect to limit the threads, and that do not.
std::vector<std::string> notes_on_threads(const Findings& found) {
  std::vector<std::string> notes;
  if (found.selected && found.selected->name != "openmp")
    for (const char* variable : {"OMP_NUM_THREADS", "OMP_THREAD_LIMIT"})
      if (std::getenv(variable) != nullptr)
        notes.push_back(formatted(
            "{} counts for the backend openmp alone, LAMELLA_NUM_THREADS for all", variable));
  const char* const slurm = std::getenv("SLURM_CPUS_PER_TASK");
  if (found.threads && slurm != nullptr && found.threads->limited_by != "SLURM_CPUS_PER_TASK")
    notes.push_back(formatted("SLURM_CPUS_PER_TASK=\"{}\" limits nothing here", slurm));
  return notes;
}

/// Whether the backend's own thread library allows it fewer threads than the machine does.
bool has_limit_of_its_own(const Findings& found) {
  return found.selected && found.threads && found.selected->threads < found.threads->threads &&
         found.selected->name != "scalar" && found.selected->name != "simd";
}

std::string yes(bool value) { return value ? "yes" : "no"; }

std::string to_text(const Findings& found) {
  using Align = TextTable::Align;
  std::string text = formatted("lamella {}\n\n", version());
  text += found.selected ? formatted("selected  {} ({}, {} thread{})\n", found.selected->name,
                                     found.selected->isa, found.selected->threads,
                                     found.selected->threads == 1 ? "" : "s")
                         : "selected  none\n";
  if (found.threads)
    text += formatted("threads   {} ({})\n", found.threads->threads, found.threads->limited_by);
  if (has_limit_of_its_own(found))
    text += formatted("          {} for {} ({})\n", found.selected->threads, found.selected->name,
                      found.selected->threads_limited_by);
  for (const std::string& note : notes_on_threads(found)) text += formatted("note      {}\n", note);

  TextTable backends({Align::left, Align::left, Align::left, Align::left, Align::left});
  backends.add({"backend", "compiled", "usable", "selected", "why"});
  for (const BackendStatus& status : found.backends)
    backends.add({status.name, yes(status.compiled), yes(status.usable),
                  yes(is_selected(found, status)), printable(status.reason)});
  text += formatted("\n{}", backends.text());
  if (found.isas.empty()) return text;

  TextTable isas({Align::left, Align::left, Align::left, Align::left, Align::left});
  isas.add({"instruction set", "compiled", "usable", "selected", "why"});
  for (const IsaStatus& status : found.isas)
    isas.add({status.name, yes(status.compiled), yes(status.usable),
              yes(is_selected(found, status)), status.reason});
  return text + formatted("\n{}", isas.text());
}

Json to_json(const Findings& found, const std::exception_ptr& problem) {
  Json result{{"version", version()}};
  result["selected"] = nullptr;
  if (found.selected)
    result["selected"] = {{"name", found.selected->name},
                          {"isa", found.selected->isa},
                          {"threads", found.selected->threads},
                          {"threads_limited_by", found.selected->threads_limited_by}};
  result["threads"] = nullptr;
  if (found.threads)
    result["threads"] = {{"threads", found.threads->threads},
                         {"limited_by", found.threads->limited_by}};
  result["notes"] = Json::array();
  for (const std::string& note : notes_on_threads(found)) result["notes"].push_back(note);
  result["backends"] = Json::array();
  for (const BackendStatus& status : found.backends)
    result["backends"].push_back({{"name", status.name},
                                  {"compiled", status.compiled},
                                  {"usable", status.usable},
                                  {"selected", is_selected(found, status)},
                                  {"reason", status.reason}});
  result["instruction_sets"] = Json::array();
  for (const IsaStatus& status : found.isas)
    result["instruction_sets"].push_back({{"name", status.name},
                                          {"compiled", status.compiled},
                                          {"usable", status.usable},
                                          {"selected", is_selected(found, status)},
                                          {"reason", status.reason}});
  try {
    if (problem) std::rethrow_exception(problem);
  } catch (const BackendError& error) {
    result["error"] = error.what();
  }
  return result;
}

struct InfoCommand {
  BackendOptions backend;
  bool json = false;

  void add_to(CLI::App& app) {
    backend.add_to(app);
    add_flag(app, "--json", json, "Print one JSON object");
  }

  void run() const {
    const BackendRequest request = backend.request();
    Findings found;
    std::exception_ptr problem;
    attempt(problem, [&] { found.backends = list_backends_isolated(); });
    attempt(problem, [&] { found.selected = probe_backend(request, Isolation::plugins); });
    attempt(problem, [&] { found.isas = list_isas(request); });
    attempt(problem, [&] { found.threads = thread_limit(request.threads); });
    write_stdout(json ? to_line(to_json(found, problem)) + "\n" : to_text(found));
    if (problem) std::rethrow_exception(problem);
  }
};

}  // namespace

Command add_info(CLI::App& app) { return make_command<InfoCommand>(app); }

}  // namespace lamella::cli
