// The threading tuners of the products computed last, by their shape.
#ifndef LAMELLA_BACKENDS_THREADING_PRODUCT_TUNERS_H_
#define LAMELLA_BACKENDS_THREADING_PRODUCT_TUNERS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "backends/kernel_table.h"
#include "backends/threading/threading_tuner.h"
#include "backends/threading/try_lock.h"

namespace lamella::backends {

/// C is m x n, and k is the depth of the product.
struct ProductShape {
  index m, n, k;
  friend bool operator==(const ProductShape&, const ProductShape&) = default;
};

/// May be used by several threads at once: while one of them looks a tuner up, others get a team
/// and are not timed.
class ProductTuners {
 public:
  using Clock = ThreadingTuner::Clock;
  static constexpr std::size_t kTuners = 16;

  ThreadingChoice choose(const ProductShape& shape, Clock::time_point now) noexcept {
    ThreadingChoice choice{ThreadingMode::team, false};
    lock_.if_free([&] { choice = tuner_of(shape).choose(now); });
    return choice;
  }
  std::optional<ThreadingDecision> record(const ProductShape& shape, ThreadingMode mode,
                                          Clock::duration time, Clock::time_point now) noexcept {
    std::optional<ThreadingDecision> decision;
    lock_.if_free([&] { decision = tuner_of(shape).record(mode, time, now); });
    return decision;
  }

 private:
  struct Entry {
    ProductShape shape{};
    std::uint64_t last_use = 0;  // 0: the entry is free
    ThreadingTuner tuner;
  };

  // The entry of this shape, or else the one not used for longest, made anew.
  ThreadingTuner& tuner_of(const ProductShape& shape) noexcept {
    auto entry = std::find_if(entries_.begin(), entries_.end(),
                              [&](const Entry& e) { return e.last_use != 0 && e.shape == shape; });
    if (entry == entries_.end()) {
      entry =
          std::min_element(entries_.begin(), entries_.end(),
                           [](const Entry& a, const Entry& b) { return a.last_use < b.last_use; });
      *entry = Entry{};
      entry->shape = shape;
    }
    entry->last_use = ++uses_;
    return entry->tuner;
  }

  TryLock lock_;
  std::uint64_t uses_ = 0;
  std::array<Entry, kTuners> entries_{};
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_PRODUCT_TUNERS_H_
