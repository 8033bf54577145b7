// The subcommands: each declares its options on an App and returns the function that runs it.
#ifndef LAMELLA_TOOLS_LAMELLA_COMMANDS_H_
#define LAMELLA_TOOLS_LAMELLA_COMMANDS_H_

#include <functional>
#include <memory>

namespace CLI {
class App;
}

namespace lamella::cli {

/// Does the work with the options parsed by then. Throws UsageError, lamella::Error or Interrupted.
using Command = std::function<void()>;

/// The Command of a class C with two members: add_to(app) declares its options, run() does the
/// work.
template <class C>
Command make_command(CLI::App& app) {
  const auto command = std::make_shared<C>();
  command->add_to(app);
  return [command] { command->run(); };
}

Command add_train(CLI::App& app);
Command add_evaluate(CLI::App& app);
Command add_predict(CLI::App& app);
Command add_info(CLI::App& app);
Command add_conformance(CLI::App& app);
Command add_bench(CLI::App& app);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_COMMANDS_H_
