// The subcommands: each declares its options on an App and returns what runs it.
#ifndef LAMELLA_TOOLS_LAMELLA_COMMANDS_H_
#define LAMELLA_TOOLS_LAMELLA_COMMANDS_H_

#include <functional>

namespace CLI {
class App;
}

namespace lamella::cli {

/// Does the work with the options parsed by then. Throws UsageError, lamella::Error or Interrupted.
using Command = std::function<void()>;

Command add_train(CLI::App& app);
Command add_evaluate(CLI::App& app);
Command add_predict(CLI::App& app);
Command add_info(CLI::App& app);
Command add_conformance(CLI::App& app);
Command add_bench(CLI::App& app);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_COMMANDS_H_
