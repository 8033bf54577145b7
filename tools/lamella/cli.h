// From argv to an exit code: parses, runs the subcommand, reports what went wrong.
//
// Not here: what a subcommand does (commands/).
#ifndef LAMELLA_TOOLS_LAMELLA_CLI_H_
#define LAMELLA_TOOLS_LAMELLA_CLI_H_

namespace lamella::cli {

/// Exit codes: 0 done; 1 bad data or a failure while running; 2 bad usage, unknown or unusable
/// backends included; 128 + n stopped by signal n. Messages go to standard error and begin with
/// "lamella: error: ".
int run(int argc, const char* const* argv);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_CLI_H_
