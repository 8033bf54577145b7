// A library that calls exit() in the midst of our work must not make it look like success.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_EXIT_GUARD_H_
#define LAMELLA_TOOLS_LAMELLA_IO_EXIT_GUARD_H_

namespace lamella::cli {

/// While one lives, exit() in this process, with whatever code, ends it with a message and code 1.
/// _exit() cannot be caught.
class ExitGuard {
 public:
  ExitGuard() noexcept;
  ~ExitGuard();
  ExitGuard(const ExitGuard&) = delete;
  ExitGuard& operator=(const ExitGuard&) = delete;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_EXIT_GUARD_H_
