// The task arenas of all tbb executors. They are made when they are first used, and never
// destroyed: each costs oneTBB some kilobytes that it does not give back, and a program's exit
// handlers may compute after static objects have been destroyed.
#ifndef LAMELLA_BACKENDS_TBB_ARENA_POOL_H_
#define LAMELLA_BACKENDS_TBB_ARENA_POOL_H_

#include <array>
#include <atomic>

#include <oneapi/tbb/task_arena.h>

#include "core/platform/thread_probe.h"

namespace lamella::backends {

/// The most threads that an executor asks oneTBB for.
inline constexpr int kMaxTbbThreads = 1024;

/// The number of threads that oneTBB grants this process. It prints a warning if asked for more.
int granted_tbb_threads();

/// Arenas of one size: each has one caller at a time, so that none waits until another leaves. All
/// share the threads of oneTBB. May be used by several threads at once.
class ArenaPool {
 public:
  /// With more callers at the same time, the others compute alone.
  static constexpr int kMaxCallers = 32;

  explicit ArenaPool(int threads) : threads_(threads) {}
  ArenaPool(const ArenaPool&) = delete;
  ArenaPool& operator=(const ArenaPool&) = delete;

  /// Whether threads or memory could not be had a moment ago.
  bool is_refused() const noexcept { return refusal_.is_active(); }

  /// Calls work() in an arena. Returns false if it could not, or not to the end.
  template <class Work>
  bool execute(const Work& work) noexcept {
    const Visit visit(*this);
    if (visit.place == nullptr || !is_ready(*visit.place)) return false;
    try {
      visit.place->arena->execute(work);
      return true;
    } catch (...) {
      refusal_.begin();
      return false;
    }
  }

 private:
  struct alignas(64) Place {
    std::atomic<bool> is_taken{false};
    tbb::task_arena* arena = nullptr;  // used by the caller that has taken the place
  };
  /// The first free place, for the length of a scope; null if there is none.
  struct Visit {
    explicit Visit(ArenaPool& pool) noexcept : place(pool.take_place()) {}
    ~Visit() {
      if (place != nullptr) place->is_taken.store(false, std::memory_order_release);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    Place* place;
  };

  Place* take_place() noexcept;
  bool is_ready(Place& place) noexcept { return place.arena != nullptr || make_arena(place); }
  bool make_arena(Place& place) noexcept;
  bool can_have_threads() noexcept;

  const int threads_;
  std::array<Place, kMaxCallers> places_;
  std::atomic<bool> has_threads_{false}, is_asking_{false};
  detail::ThreadRefusal refusal_;
};

/// The arenas of this number of threads, at most kMaxTbbThreads. Throws std::bad_alloc.
ArenaPool& arena_pool(int threads);

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_TBB_ARENA_POOL_H_
