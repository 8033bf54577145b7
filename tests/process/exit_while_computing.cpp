// Returns from main while other threads compute. Arguments: interface and backend. Exits 0; what
// can go wrong is a signal, or a process that does not end (the alarm ends it).
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/process/work.h"

int main(int argc, char** argv) {
  using namespace lamella::test;
  if (argc != 3) usage("exit_while_computing INTERFACE BACKEND");
  alarm(60);
  Work* const work = make_work(argv[1], argv[2]);
  static std::atomic<int> calls{0};
  for (int thread = 0; thread < 3; ++thread)
    std::thread([work] {
      for (;;) {
        work->compute();
        ++calls;
        calls.notify_all();
      }
    }).detach();
  for (int seen = 0; seen < 10; seen = calls) calls.wait(seen);
  return 0;
}
