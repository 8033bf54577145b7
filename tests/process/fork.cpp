// Forks children that compute, and checks that each gives the bits of its parent and ends.
//
//   fork INTERFACE BACKEND WHEN FORKS
//
// WHEN: before   the parent has computed nothing yet
//       after    it has; children go on with its backend
//       fresh    it has; children make a backend of their own
//       thread   as after, from a thread that is not the main one
//       busy     as after, while another thread of the parent computes
//
// Every other child ends by exit(), which runs destructors, the others by _exit(). A child that
// hangs is ended by its alarm. Exits 0 if there was none, no other bits, and every child reported
// the threads that it may use.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/process/work.h"

namespace {

using namespace lamella::test;

struct Answer {
  Bits bits = 0;
  char threads[80] = "";
};

struct Outcomes {
  int hangs = 0, signals = 0, errors = 0;
  std::vector<Answer> answers;

  /// A child reports as many threads as it may use: one, once its parent has used more.
  int untrue_reports(const std::string& expected) const {
    int count = 0;
    for (const Answer& answer : answers) count += answer.threads != expected;
    return count;
  }
  int other_bits(Bits expected) const {
    int count = 0;
    for (const Answer& answer : answers) count += answer.bits != expected;
    return count;
  }
};

[[noreturn]] void be_child(Work& work, int pipe_end, bool runs_destructors) {
  Answer answer;
  answer.bits = work.compute();
  // Twice: the first call may have found what only later ones trip over.
  if (work.compute() != answer.bits) answer.bits = 0;
  std::snprintf(answer.threads, sizeof answer.threads, "%s", work.threads().c_str());
  const bool sent = write(pipe_end, &answer, sizeof answer) == sizeof answer;
  if (runs_destructors) std::exit(sent ? 0 : 5);
  _exit(sent ? 0 : 5);
}

struct Child {
  pid_t process;
  int answer;  // end of a pipe
};

Child start_child(Work& work, const std::string& fresh_interface, const std::string& backend,
                  bool runs_destructors) {
  int ends[2];
  if (pipe(ends) != 0) usage("no pipe");
  const pid_t child = fork();
  if (child < 0) usage("no process to fork");
  if (child == 0) {
    alarm(30);
    close(ends[0]);
    be_child(fresh_interface.empty() ? work : *make_work(fresh_interface, backend), ends[1],
             runs_destructors);
  }
  close(ends[1]);
  return {child, ends[0]};
}

void end_child(const Child& child, Outcomes& outcomes) {
  Answer answer;
  const bool answered = read(child.answer, &answer, sizeof answer) == sizeof answer;
  close(child.answer);
  int status = 0;
  waitpid(child.process, &status, 0);
  if (WIFSIGNALED(status))
    ++(WTERMSIG(status) == SIGALRM ? outcomes.hangs : outcomes.signals);
  else if (!answered || WEXITSTATUS(status) != 0)
    ++outcomes.errors;
  else
    outcomes.answers.push_back(answer);
}

Outcomes fork_children(Work& work, const std::string& fresh_interface, const std::string& backend,
                       int forks) {
  Outcomes outcomes;
  for (int i = 0; i < forks; ++i)
    end_child(start_child(work, fresh_interface, backend, i % 2 == 1), outcomes);
  return outcomes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) usage("fork INTERFACE BACKEND before|after|fresh|thread|busy FORKS");
  const std::string interface = argv[1], backend = argv[2], when = argv[3];
  const int forks = std::stoi(argv[4]);
  Work& work = *make_work(interface, backend);

  Outcomes outcomes;
  Bits expected = 0;
  if (when == "before") {
    outcomes = fork_children(work, "", backend, forks);
    expected = work.compute();
  } else {
    expected = work.compute();
    if (when == "after") {
      outcomes = fork_children(work, "", backend, forks);
    } else if (when == "fresh") {
      outcomes = fork_children(work, interface, backend, forks);
    } else if (when == "thread") {
      std::thread([&] { outcomes = fork_children(work, "", backend, forks); }).join();
    } else if (when == "busy") {
      std::atomic<bool> done{false};
      std::thread other([&] {
        while (!done) work.compute();
      });
      outcomes = fork_children(work, "", backend, forks);
      done = true;
      other.join();
    } else {
      usage("WHEN is before, after, fresh, thread or busy");
    }
  }
  if (work.compute() != expected) {
    std::puts("the parent has other bits than before");
    return 1;
  }
  std::printf("%d forks: %d hung, %d ended by a signal, %d failed, %d with other bits\n", forks,
              outcomes.hangs, outcomes.signals, outcomes.errors, outcomes.other_bits(expected));
  const bool loses_threads = when != "before" && (backend == "openmp" || backend == "tbb");
  const std::string report =
      loses_threads && !work.threads().empty() ? "1 threads: child of fork()" : work.threads();
  const int untrue = outcomes.untrue_reports(report);
  if (untrue > 0)
    std::printf("%d children do not report \"%s\", but \"%s\"\n", untrue, report.c_str(),
                outcomes.answers.front().threads);
  const bool all_answered = static_cast<int>(outcomes.answers.size()) == forks;
  return all_answered && untrue == 0 && outcomes.other_bits(expected) == 0 ? 0 : 1;
}
