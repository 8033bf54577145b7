// Notes SIGINT and SIGTERM for a loop to ask for.
#include "tools/lamella/io/interrupt.h"

namespace lamella::cli {
namespace {

volatile std::sig_atomic_t noted_signal = 0;

void note(int signal) { noted_signal = signal; }

void watch(int signal, struct sigaction& old) {
  sigaction(signal, nullptr, &old);
  if (old.sa_handler == SIG_IGN) return;
  struct sigaction action = {};
  action.sa_handler = note;
  // One shot: if the loop does not get to its next check, a second Ctrl-C must work.
  // SA_RESTART: reads and writes under way go on, the loop decides where to stop.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  noted_signal = 0;
  watch(SIGINT, old_int_);
  watch(SIGTERM, old_term_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
}

int InterruptGuard::pending() const { return noted_signal; }

}  // namespace lamella::cli
