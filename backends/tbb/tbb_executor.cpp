// The oneTBB executor: a parallel loop in an arena that executors share.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task.h>
#include <oneapi/tbb/task_arena.h>

#include "backends/executor.h"
#include "backends/tbb/arena_pool.h"
#include "core/platform/floating_point.h"
#include "core/platform/forked_process.h"

namespace lamella::backends {
namespace {

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
  std::array<std::atomic<std::uint64_t>, kMaxTbbThreads / 64> words_{};
};

// The generation of processes (forked_process.h) in which executors have first run on threads. A
// child of it has none of these threads, and finds oneTBB's arenas as they were at the fork.
constexpr std::int64_t kNever = -1;
constinit std::atomic<std::int64_t> started_in{kNever};

class TbbExecutor final : public Executor {
 public:
  explicit TbbExecutor(int threads)
      : threads_(std::clamp(threads, 1, kMaxTbbThreads)),
        arenas_(
            arena_pool(tbb_threads_are_lost() ? 1 : std::min(threads_, granted_tbb_threads()))) {}

  int concurrency() const noexcept override {
    const bool alone = has_lost_threads() || detail::process_is_ending() || arenas_.is_refused() ||
                       is_inside_task();
    return alone ? 1 : threads_;
  }
  bool has_lost_threads() const noexcept override { return tbb_threads_are_lost(); }

  void run(int workers, WorkerBody body) const noexcept override {
    if (workers <= 1 || workers > kMaxTbbThreads || concurrency() <= 1) {
      for (int worker = 0; worker < workers; ++worker) body(worker);
      return;
    }
    if (started_in.load(std::memory_order_relaxed) == kNever)
      started_in.store(detail::fork_generation(), std::memory_order_relaxed);
    Claims claims;
    const detail::FloatingPointControl control;
    const auto run_one = [&](int worker) {
      if (!claims.claim(worker)) return;
      const detail::FloatingPointControl::Scope scope(control);
      body(worker);
    };
    // The static partitioner sends worker i to the same slot of the arena in every run, so that a
    // worker finds its rows in the cache of the core that wrote them.
    const bool done =
        arenas_.execute([&] { tbb::parallel_for(0, workers, run_one, tbb::static_partitioner{}); });
    // Bodies do not throw, so oneTBB has failed to get a thread or memory, or has not been called.
    if (!done)
      for (int worker = 0; worker < workers; ++worker) run_one(worker);
  }

 private:
  static bool is_inside_task() noexcept {
    // The context alone would tell, but for a thread that oneTBB does not know yet it allocates.
    return tbb::this_task_arena::current_thread_index() != tbb::task_arena::not_initialized &&
           tbb::task::current_context() != nullptr;
  }

  int threads_;
  ArenaPool& arenas_;
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
