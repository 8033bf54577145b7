// `lamella conformance`: proves a backend, a plugin's above all, by the checks of the test suite.
#include <memory>
#include <string>
#include <vector>

#include <lamella/error.h>
#include <lamella/version.h>

#include "tools/lamella/commands.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/json.h"
#include "tools/lamella/io/progress.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/io/text_table.h"
#include "tools/lamella/measure/isolated_check.h"
#include "tools/lamella/measure/plugin_probe.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

using conformance::Check;

constexpr const char* kLegend =
    "\nOf an operand: which stride is 1 (rows, columns; general: neither), +N elements between "
    "its\nlines, and whether it ends or starts at a page that faults. docs/plugins.md says more.\n";

std::vector<std::string> kernel_names() {
  std::vector<std::string> names = {"all"};
  for (const Check& check : conformance::checks())
    if (names.back() != check.kernel) names.emplace_back(check.kernel);
  return names;
}

std::string line_of(const Check& check, const CheckResult& result) {
  std::string line =
      formatted("{:<4}  {:<17}  {:<66}", result.passed() ? "ok" : "FAIL", check.kernel, check.name);
  line += result.failures == 0 ? formatted("  {} cases\n", result.cases)
                               : formatted("  {} of {} cases\n", result.failures, result.cases);
  for (const CheckProblem& problem : result.problems)
    line += formatted("      {} {}\n          {}\n", problem.type, printable(problem.where),
                      printable(problem.problem));
  return line;
}

Json to_json(const Check& check, const CheckResult& result) {
  Json problems = Json::array();
  for (const CheckProblem& problem : result.problems)
    problems.push_back(
        {{"type", problem.type}, {"case", problem.where}, {"problem", problem.problem}});
  Json json{{"kernel", check.kernel},      {"name", check.name},
            {"passed", result.passed()},   {"cases", result.cases},
            {"failures", result.failures}, {"problems", std::move(problems)}};
  json["ended"] = nullptr;
  if (!result.ended.empty()) json["ended"] = result.ended;
  return json;
}

/// How far the checks are. The time left supposes that those to come take as long as those before.
std::string progress_text(const Check& check, const std::string& type, int done, int all, int cases,
                          double elapsed) {
  std::string text = formatted("check {}/{}  ", done + 1, all);
  if (done > 0) text += duration(elapsed * (all - done) / done) + " left  ";
  text += formatted("{}: {}", check.kernel, check.name);
  if (cases > 0 && elapsed > 0) text += formatted("  {:.0f} cases/s", cases / elapsed);
  return type.empty() ? text : text + "  " + type;
}

struct ConformanceCommand {
  BackendOptions backend;
  std::string kernel = "all";
  bool json = false;
  bool in_process = false;

  void add_to(CLI::App& app) {
    backend.add_to(app);
    add_choice(app, "--kernel", kernel, kernel_names(), "Only the checks of one kernel");
    add_flag(app, "--json", json, "Print one JSON object");
    add_flag(app, "--in-process", in_process,
             "Run in this process, which a fault then ends: for debuggers");
  }

  void run() const {
    const BackendRequest request = backend.request();
    const BackendInfo info = probe_backend(request, Isolation::all);
    if (!json)
      write_stdout(formatted("lamella {}: {} ({}, {} thread{})\n\n", version(), info.name, info.isa,
                             info.threads, info.threads == 1 ? "" : "s"));
    Json entries = Json::array();
    std::vector<Check> chosen;
    for (const Check& check : conformance::checks())
      if (kernel == "all" || kernel == check.kernel) chosen.push_back(check);
    const int all = static_cast<int>(chosen.size());
    int run = 0, failed = 0, cases = 0;
    ProgressDisplay display(in_process);  // a debugger has the terminal
    for (const Check& check : chosen) {
      const auto show = [&](const std::string& type, int of_check) {
        display.update([&](double elapsed) {
          return progress_text(check, type, run, all, cases + of_check, elapsed);
        });
      };
      show("", 0);
      const CheckResult result =
          in_process ? run_here(check, request) : run_isolated(check, request, show);
      ++run;
      cases += result.cases;
      if (!result.passed()) ++failed;
      display.erase();
      if (json)
        entries.push_back(to_json(check, result));
      else
        write_stdout(line_of(check, result));
    }
    if (json)
      write_stdout(to_line({{"version", version()},
                            {"backend", info.name},
                            {"isa", info.isa},
                            {"threads", info.threads},
                            {"passed", failed == 0},
                            {"checks", std::move(entries)}}) +
                   "\n");
    else
      write_stdout(
          formatted("{}\n{} checks, {} failed\n", failed == 0 ? "" : kLegend, run, failed));
    if (failed != 0)
      throw Error(formatted("{} does not conform: {} of {} checks failed", info.name, failed, run));
  }
};

}  // namespace

Command add_conformance(CLI::App& app) { return make_command<ConformanceCommand>(app); }

}  // namespace lamella::cli
