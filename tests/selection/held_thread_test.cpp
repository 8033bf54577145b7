// The backend that `auto` takes does not wait for a thread that gets no processor. Here its thread
// is held by a signal handler, as long as the test likes: no clock decides.
#if defined(LAMELLA_WITH_TBB) && defined(__linux__)
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/matrix.h>
#include <lamella/network.h>
#include <lamella/optimizer.h>

#include "core/selection/backend_table.h"
#include "tests/catch.h"
#include "tests/environment_guard.h"

namespace lamella::test {
namespace {

std::atomic<bool> is_held{false};
int gate[2];

/// Stops the thread that gets it until there is a byte to read.
void hold(int) {
  is_held = true;
  char byte;
  while (read(gate[0], &byte, 1) < 0) {
  }
}

long this_thread() { return syscall(SYS_gettid); }

bool is_asleep(long thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(") ");
  return name_end != std::string::npos && text.at(name_end + 2) == 'S';
}

/// Holds a thread of this process while it is in scope. If the scope does not end, it lets go after
/// a long while, and the test has failed.
class HeldThread {
 public:
  explicit HeldThread(long thread) {
    REQUIRE(pipe(gate) == 0);
    struct sigaction action {};
    action.sa_handler = hold;
    sigaction(SIGUSR2, &action, &before_);
    while (!is_asleep(thread)) std::this_thread::yield();  // it then holds no lock of its library
    is_held = false;
    syscall(SYS_tgkill, getpid(), thread, SIGUSR2);
    while (!is_held) std::this_thread::yield();
    watchdog_ = std::thread([this] {
      std::unique_lock lock(mutex_);
      has_expired_ = !ended_.wait_for(lock, std::chrono::seconds(60), [this] { return is_over_; });
      if (has_expired_) release();
    });
  }
  ~HeldThread() { end(); }
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;

  /// Whether the thread was held until now.
  bool end() {
    if (!watchdog_.joinable()) return !has_expired_;
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    ended_.notify_one();
    watchdog_.join();
    if (!has_expired_) release();
    sigaction(SIGUSR2, &before_, nullptr);
    return !has_expired_;
  }

 private:
  static void release() { static_cast<void>(!write(gate[1], "x", 1)); }

  struct sigaction before_ {};
  std::thread watchdog_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_over_ = false, has_expired_ = false;
};

/// A thread, other than the caller, that runs bodies of this executor; 0 if there seems to be none.
long thread_of(const backends::Executor& executor) {
  std::atomic<long> other{0};
  for (int call = 0; call < 100000 && other == 0; ++call)
    executor.run(2, [&, caller = this_thread()](int) {
      if (this_thread() != caller) other = this_thread();
      for (int spin = 0; spin < 1000 && other == 0; ++spin) std::this_thread::yield();
    });
  return other;
}

/// The entry that `auto` takes where there are several threads.
const detail::BackendEntry& default_entry() {
  const detail::BackendEntry* best = nullptr;
  for (const auto& entry : detail::backend_table())
    if (entry.make_executor != nullptr) best = &entry;
  if (best == nullptr) throw std::logic_error("there is no built-in backend");
  return *best;
}

TEST_CASE("the default backend does not wait for a thread that has no processor", "[selection]") {
  const CleanEnvironment clean;
  if (thread_limit().threads < 2) {
    WARN("there is only one thread here");
    return;
  }
  CHECK(make_backend()->info().name == default_entry().name);
  const auto executor = default_entry().make_executor(2);
  const auto backend = make_backend({.threads = 2});
  Matrix<float> a(256, 256), b(256, 256), c(256, 256);
  const long thread = thread_of(*executor);
  REQUIRE(thread != 0);

  HeldThread held(thread);
  std::vector<std::atomic<int>> ran(2);
  for (int call = 0; call < 50; ++call)
    executor->run(2, [&](int worker) { ++ran[static_cast<std::size_t>(worker)]; });
  for (int call = 0; call < 50; ++call) backend->gemm<float>(1, a.view(), b.view(), 0, c.view());
  CHECK(held.end());
  CHECK(ran[0] == 50);
  CHECK(ran[1] == 50);
}

TEST_CASE("a training step of the default backend does not wait for it either", "[selection]") {
  const CleanEnvironment clean;
  if (thread_limit().threads < 2) {
    WARN("there is only one thread here");
    return;
  }
  const auto backend = make_backend({.threads = 2});
  Network<float> network({.inputs = 512, .hidden = {512}, .classes = 10}, backend, 1);
  const std::vector<std::int32_t> labels(128, 3);
  const auto train = [&] {
    const View<float> input = network.batch_input(128);
    std::fill(input.data, input.data + input.size(), 0.5f);
    network.train_batch(labels, {}, SgdOptions{.learning_rate = 1e-6});
  };
  const auto executor = default_entry().make_executor(2);
  const long thread = thread_of(*executor);
  REQUIRE(thread != 0);
  HeldThread held(thread);
  for (int step = 0; step < 10; ++step) train();
  CHECK(held.end());
}

}  // namespace
}  // namespace lamella::test
#endif
