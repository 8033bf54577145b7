// The oneTBB executor: a parallel loop in a task arena of its own.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task.h>
#include <oneapi/tbb/task_arena.h>

#include "backends/executor.h"
#include "backends/floating_point_control.h"
#include "core/platform/forked_process.h"

namespace lamella::backends {
namespace {

constexpr int kMaxWorkers = 1024;

/// Which workers have been run. If oneTBB gives up in the middle of a run, the calling thread
/// finishes it with the bodies that are left.
class Claims {
 public:
  bool claim(int worker) {
    const auto bit = std::uint64_t{1} << (worker % 64);
    auto& word = words_[static_cast<std::size_t>(worker / 64)];
    return (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  }

 private:
  std::array<std::atomic<std::uint64_t>, kMaxWorkers / 64> words_{};
};

// The generation of processes (forked_process.h) in which executors have first run on threads. A
// child of it has none of these threads, and finds oneTBB's arenas as they were at the fork.
constexpr std::int64_t kNever = -1;
constinit std::atomic<std::int64_t> started_in{kNever};

class TbbExecutor final : public Executor {
 public:
  explicit TbbExecutor(int threads)
      : threads_(std::clamp(threads, 1, kMaxWorkers)), arena_(std::min(threads_, granted())) {}

  int concurrency() const noexcept override {
    const bool alone = has_lost_threads() || detail::process_is_ending() ||
                       tbb::task::current_context() != nullptr;
    return alone ? 1 : threads_;
  }
  bool has_lost_threads() const noexcept override { return tbb_threads_are_lost(); }

  void run(int workers, WorkerBody body) const noexcept override {
    if (workers <= 1 || workers > kMaxWorkers || concurrency() <= 1) {
      for (int worker = 0; worker < workers; ++worker) body(worker);
      return;
    }
    if (started_in.load(std::memory_order_relaxed) == kNever)
      started_in.store(detail::fork_generation(), std::memory_order_relaxed);
    Claims claims;
    const FloatingPointControl control;
    const auto run_one = [&](int worker) {
      if (!claims.claim(worker)) return;
      const FloatingPointControl::Scope scope(control);
      body(worker);
    };
    try {
      // The static partitioner sends worker i to the same slot of the arena in every run, so that
      // a worker finds its rows in the cache of the core that wrote them.
      arena_.execute([&] { tbb::parallel_for(0, workers, run_one, tbb::static_partitioner{}); });
    } catch (...) {
      // Bodies do not throw, so oneTBB has failed to get a thread or memory.
      for (int worker = 0; worker < workers; ++worker) run_one(worker);
    }
  }

 private:
  /// The number of threads that oneTBB grants this process. It prints a warning if asked for more.
  static int granted() {
    const auto most =
        tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
    return static_cast<int>(std::min(most, std::size_t{kMaxWorkers}));
  }

  int threads_;
  mutable tbb::task_arena arena_;  // starts nothing before its first execute()
};

}  // namespace

bool tbb_threads_are_lost() noexcept {
  const std::int64_t started = started_in.load(std::memory_order_relaxed);
  return started != kNever && started != detail::fork_generation();
}

std::unique_ptr<Executor> make_tbb_executor(int threads) {
  return std::make_unique<TbbExecutor>(threads);
}

}  // namespace lamella::backends
