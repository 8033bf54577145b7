// A function that exit() calls.
#include "tools/lamella/io/exit_guard.h"

#include <unistd.h>

#include <cstdlib>

#include "tools/lamella/io/streams.h"

namespace lamella::cli {
namespace {

constexpr int kFailure = 1;

pid_t guarded_process = 0;  // a child that is forked is not guarded: its parent looks at its code

void refuse_exit() {
  if (guarded_process != getpid()) return;
  write_stderr(
      "lamella: error: a plugin or another library called exit() before the work was done; what "
      "was not saved yet is lost\n");
  _exit(kFailure);
}

}  // namespace

ExitGuard::ExitGuard() noexcept {
  static const bool registered = std::atexit(refuse_exit) == 0;
  if (registered) guarded_process = getpid();
}

ExitGuard::~ExitGuard() { guarded_process = 0; }

}  // namespace lamella::cli
