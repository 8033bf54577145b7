// Notes signals for a loop to ask for.
#include "tools/lamella/io/interrupt.h"

#include <cstddef>

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
  for (std::size_t i = 0; i < old_.size(); ++i) watch(kStoppingSignals[i], old_[i]);
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < old_.size(); ++i) sigaction(kStoppingSignals[i], &old_[i], nullptr);
}

int InterruptGuard::pending() const { return noted_signal; }

}  // namespace lamella::cli
