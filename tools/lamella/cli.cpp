// Parses the command line, runs the subcommand and turns every exception into an exit code.
#include "tools/lamella/cli.h"

#include <array>
#include <exception>
#include <map>
#include <new>
#include <sstream>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include <lamella/error.h>
#include <lamella/version.h>

#include "tools/lamella/commands.h"
#include "tools/lamella/io/exit_guard.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/interrupt.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/last_resort.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;
constexpr int kSignalBase = 128;

struct Subcommand {
  const char* name;
  const char* summary;
  Command (*add)(CLI::App&);
};

constexpr std::array<Subcommand, 6> kSubcommands{{
    {"train", "Train a classifier and save it", add_train},
    {"evaluate", "Measure a trained model on labelled data", add_evaluate},
    {"predict", "Classes and probabilities of samples, as CSV", add_predict},
    {"info", "Version, backends, instruction sets and threads of this machine", add_info},
    {"conformance", "Prove a backend, such as a plugin of your own", add_conformance},
    {"bench", "Speed of a backend, in % of what the machine can do", add_bench},
}};

// Lines below 80 columns: newer versions of CLI11 wrap there.
constexpr const char* kFooter =
    "Environment: LAMELLA_BACKEND, LAMELLA_ISA and LAMELLA_NUM_THREADS decide what\n"
    "--backend, --isa and --threads leave open; LAMELLA_ADAPTIVE_THREADS=0 makes the\n"
    "number of threads depend on sizes alone; LAMELLA_VERBOSE=1 tells what was chosen\n"
    "and why.\n"
    "Exit codes: 0 done; 1 bad data or failure; 2 bad usage; 128 + n stopped by\n"
    "signal n, 130 by Ctrl-C.";

// Allocates nothing: it is called in handlers, and memory may have run out.
void report(std::string_view message) noexcept {
  write_stderr({"lamella: error: ", message, "\n"});
}

/// "train, evaluate or info", of all there are.
std::string subcommand_names() {
  std::string names;
  for (const Subcommand& subcommand : kSubcommands) {
    if (&subcommand != &kSubcommands.front())
      names += &subcommand == &kSubcommands.back() ? " or " : ", ";
    names += subcommand.name;
  }
  return names;
}

/// Help and version end parsing as exceptions with code 0; their text goes to standard output.
int finish_parse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    std::ostringstream out, err;
    app.exit(error, out, err);
    if (allocation_has_failed()) throw std::bad_alloc();  // a stream may have swallowed it
    write_stdout(out.str());
    return 0;
  }
  if (app.get_subcommands().empty() && !app.remaining().empty()) {
    report(formatted("unknown: '{}'; use {}", app.remaining()[0], subcommand_names()));
    return kUsage;
  }
  std::string of;
  for (const CLI::App* chosen : app.get_subcommands()) of = " " + chosen->get_name();
  report(formatted("{}\nlamella: `lamella{} --help` lists the options", error.what(), of));
  return kUsage;
}

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app("lamella: trains and runs dense neural networks on the CPU", "lamella");
  app.set_version_flag("--version", std::string("lamella ") + version(),
                       "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  app.footer(kFooter);
  std::map<const CLI::App*, Command> commands;
  for (const Subcommand& subcommand : kSubcommands) {
    CLI::App* sub = app.add_subcommand(subcommand.name, subcommand.summary);
    commands[sub] = subcommand.add(*sub);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return finish_parse(app, error);
  }
  commands.at(app.get_subcommands().front())();
  return 0;
}

}  // namespace

int run(int argc, const char* const* argv) {
  prepare_streams();
  const ExitGuard guard;
  try {
    return parse_and_run(argc, argv);
  } catch (const UsageError& error) {
    report(error.what());
    return kUsage;
  } catch (const PluginError& error) {
    report(error.what());
  } catch (const BackendError& error) {
    report(error.what());
    return kUsage;
  } catch (const Interrupted& interrupted) {
    write_stderr({"lamella: ", interrupted.what(), "\n"});
    return kSignalBase + interrupted.signal();
  } catch (const std::bad_alloc&) {
    report("out of memory");
  } catch (const std::exception& error) {
    report(error.what());
  }
  return kFailure;
}

}  // namespace lamella::cli
