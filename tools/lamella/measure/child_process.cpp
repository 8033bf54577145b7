// fork(), and a pipe whose end tells that the child has ended.
#include "tools/lamella/measure/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include <lamella/error.h>

#include "tools/lamella/io/format.h"
#include "tools/lamella/io/streams.h"

namespace lamella::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kSoon = std::chrono::milliseconds(5);

std::string cause(const char* what) { return formatted("{}: {}", what, std::strerror(errno)); }

[[noreturn]] void be_child(const std::function<void()>& work, bool& finished) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a child that hangs does not outlive its parent
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);    // a fault is a finding here, and not a reason to fill disks
  dup2(STDERR_FILENO, STDOUT_FILENO);  // standard output is for the parent's results
  work();
  finished = true;
  std::fflush(nullptr);  // what a plugin printed
  _exit(0);
}

/// Waits for `child`; returns its status, or nothing if it had to be killed. `alive` is the end of
/// a pipe that closes with the child, or is kept open by its children.
bool wait_for(pid_t child, int alive, const Watch& watch, int& status) {
  const auto deadline = Clock::now() + watch.limit;
  bool killed = false, closed = false;
  for (;;) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return !killed;
    if (ended < 0 && errno != EINTR) throw IoError(cause("cannot wait for a process"));
    auto pause = closed ? kSoon : kTick;
    if (watch.limit.count() != 0 && !killed) {
      const auto left = deadline - Clock::now();
      if (left <= left.zero()) {
        kill(child, SIGKILL);
        killed = true;
      }
      pause = std::min(pause, std::chrono::ceil<std::chrono::milliseconds>(
                                  std::max(left, Clock::duration(kSoon))));
    }
    pollfd end{alive, POLLIN, 0};
    const int ready = poll(&end, closed ? 0 : 1, static_cast<int>(pause.count()));
    if (ready > 0) closed = true;
    if (ready == 0 && watch.tick) watch.tick();
  }
}

}  // namespace

SharedPages::SharedPages(std::size_t bytes)
    : memory_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
      bytes_(bytes) {
  if (memory_ == MAP_FAILED) throw std::bad_alloc();
}

SharedPages::~SharedPages() { munmap(memory_, bytes_); }

void SharedError::capture(const std::function<void()>& work) noexcept {
  const auto keep = [this](Kind of, std::string_view what) {
    kind = of;
    text = what;
  };
  try {
    work();
  } catch (const PluginError& error) {
    keep(Kind::plugin, error.what());
  } catch (const BackendError& error) {
    keep(Kind::backend, error.what());
  } catch (const std::exception& error) {
    keep(Kind::other, error.what());
  } catch (...) {
    keep(Kind::other, "an unknown exception");
  }
}

void SharedError::rethrow() const {
  switch (kind) {
    case Kind::none:
      return;
    case Kind::backend:
      throw BackendError(text.get());
    case Kind::plugin:
      throw PluginError(text.get());
    case Kind::other:
      throw Error(text.get());
  }
}

std::string run_in_child(const std::function<void()>& work, const Watch& watch) {
  const Shared<bool> finished;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw IoError(cause("cannot make a pipe"));
  const Descriptor alive(ends[0]);
  Descriptor held(ends[1]);
  std::fflush(nullptr);  // what is buffered is the parent's to write
  const pid_t child = fork();
  if (child < 0) throw IoError(cause("cannot start a process"));
  if (child == 0) be_child(work, *finished);
  held.close();
  int status = 0;
  if (!wait_for(child, alive.get(), watch, status))
    return formatted("no result within {:g} s", std::chrono::duration<double>(watch.limit).count());
  if (WIFSIGNALED(status))
    return formatted("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  if (!*finished || WEXITSTATUS(status) != 0) return formatted("exit code {}", WEXITSTATUS(status));
  return {};
}

}  // namespace lamella::cli
