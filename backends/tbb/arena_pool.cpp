// Makes arenas, and asks before that whether oneTBB can have the threads it needs.
#include "backends/tbb/arena_pool.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <thread>

#include <oneapi/tbb/global_control.h>

#include "backends/executor.h"

namespace lamella::backends {
namespace {

// By the number of threads; trivially destructible, as everything here that an exit handler needs.
constinit std::array<std::atomic<ArenaPool*>, kMaxTbbThreads + 1> pools{};

// What oneTBB finds out once about the machine takes memory. Where that fails, oneTBB 2021.8 keeps
// the question open, and every later call waits for the answer for ever. So there is none.
enum class FirstQuestion { open, asked, answered, failed };
constinit std::atomic<FirstQuestion> first_question{FirstQuestion::open};

std::size_t ask_for_threads() {
  return tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
}

/// Throws std::bad_alloc if this call asks and oneTBB gets no memory; returns false afterwards.
bool tbb_can_answer() {
  auto state = FirstQuestion::open;
  if (first_question.compare_exchange_strong(state, FirstQuestion::asked)) {
    try {
      ask_for_threads();
    } catch (...) {
      first_question.store(FirstQuestion::failed);
      throw;
    }
    first_question.store(FirstQuestion::answered);
    return true;
  }
  // The answer takes microseconds. In a child of a fork meanwhile it never comes.
  constexpr int kLongest = 100'000;
  for (int i = 0; state == FirstQuestion::asked && i < kLongest; ++i) {
    std::this_thread::yield();
    state = first_question.load();
  }
  return state == FirstQuestion::answered;
}

}  // namespace

int granted_tbb_threads() {
  if (!tbb_can_answer()) return 1;
  return static_cast<int>(std::min(ask_for_threads(), std::size_t{kMaxTbbThreads}));
}

LibraryThreads tbb_library_threads() {
  LibraryThreads threads;
  threads.most = granted_tbb_threads();
  threads.most_set_by = first_question.load() == FirstQuestion::failed
                            ? "memory, which oneTBB did not get"
                            : "max_allowed_parallelism of oneTBB";
  return threads;
}

ArenaPool& arena_pool(int threads) {
  auto& place = pools[static_cast<std::size_t>(threads)];
  ArenaPool* known = place.load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  auto made = std::make_unique<ArenaPool>(threads);
  if (place.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel))
    known = made.release();
  return *known;
}

ArenaPool::Place* ArenaPool::take_place() noexcept {
  for (Place& place : places_)
    if (!place.is_taken.load(std::memory_order_relaxed) &&
        !place.is_taken.exchange(true, std::memory_order_acquire))
      return &place;
  return nullptr;
}

bool ArenaPool::make_arena(Place& place) noexcept {
  if (first_question.load() != FirstQuestion::answered) return false;
  if (is_refused() || !can_have_threads()) return false;
  try {
    // An arena whose initialisation has failed must not be used again: oneTBB 2021.8 would wait for
    // ever for it.
    auto made = std::make_unique<tbb::task_arena>(threads_);
    made->initialize();
    place.arena = made.release();
    return true;
  } catch (...) {
    refusal_.begin();
    return false;
  }
}

// oneTBB starts its threads one after the other, some of them by others. If one of these fails, the
// exception ends the program.
bool ArenaPool::can_have_threads() noexcept {
  if (has_threads_.load(std::memory_order_relaxed)) return true;
  // While one thread asks, others compute alone.
  if (is_asking_.exchange(true, std::memory_order_acquire)) return false;
  const std::size_t stack_bytes =
      tbb::global_control::active_value(tbb::global_control::thread_stack_size);
  const bool can = detail::threads_can_be_had(threads_ - 1, stack_bytes);
  if (can)
    has_threads_.store(true, std::memory_order_relaxed);
  else
    refusal_.begin();
  is_asking_.store(false, std::memory_order_release);
  return can;
}

}  // namespace lamella::backends
