// Ctrl-C and its like as something a loop asks for, so that it stops where nothing is half done.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_INTERRUPT_H_
#define LAMELLA_TOOLS_LAMELLA_IO_INTERRUPT_H_

#include <array>
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

/// The signals by which people, terminals and batch systems ask a program to come to its end:
/// Ctrl-C, kill, a closed terminal, a time limit on the processor or by the clock, and the user
/// signals, which batch systems send ahead of a kill. Not SIGQUIT, which asks for a core file of
/// the program as it is.
inline constexpr std::array kStoppingSignals = {SIGINT,  SIGTERM, SIGHUP, SIGXCPU,
                                                SIGALRM, SIGUSR1, SIGUSR2};

/// While one lives, the first of these signals is noted, and a second of its kind ends the process
/// as usual. A signal that was ignored from the start (nohup, background jobs) stays ignored.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// The signal noted, or 0. Async-signal-safe and cheap.
  int pending() const;

 private:
  std::array<struct sigaction, kStoppingSignals.size()> old_ = {};
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_INTERRUPT_H_
