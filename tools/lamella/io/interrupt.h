// Ctrl-C and SIGTERM as something a loop asks for, so that it stops where nothing is half done.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_INTERRUPT_H_
#define LAMELLA_TOOLS_LAMELLA_IO_INTERRUPT_H_

#include <csignal>
#include <string>

namespace lamella::cli {

/// Thrown to leave a loop that a signal asked to stop. Deliberately no std::exception: nothing on
/// the way may take it for a failure.
class Interrupted {
 public:
  Interrupted(int signal, std::string what) : signal_(signal), what_(std::move(what)) {}
  int signal() const { return signal_; }
  const std::string& what() const { return what_; }

 private:
  int signal_;
  std::string what_;
};

/// While one lives, the first SIGINT or SIGTERM is noted and a second one ends the process as
/// usual. A signal that was ignored from the start (nohup, background jobs) stays ignored.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// The signal noted, or 0. Async-signal-safe and cheap.
  int pending() const;

 private:
  struct sigaction old_int_ = {};
  struct sigaction old_term_ = {};
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_INTERRUPT_H_
