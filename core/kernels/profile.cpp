// Profiles: a table of call kinds that kernels add their times to, and the backend around it.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>
#include <variant>

#include <lamella/error.h>
#include <lamella/profile.h>

#include "core/kernels/timed_kernels.h"

namespace lamella {
namespace {

using detail::KernelSignature;

// Times of calls by kind. Adding neither allocates nor throws, because kernels do it.
class ProfileTable {
 public:
  void add(const KernelSignature& kind, double seconds) noexcept {
    if (!recording.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    Times& times = times_of(kind);
    ++times.calls;
    times.seconds += seconds;
  }

  void clear() noexcept {
    const std::lock_guard lock(mutex_);
    kinds_ = 0;
    slots_.fill(0);
    others_ = {};
  }

  std::vector<ProfileEntry> entries() const {
    const std::lock_guard lock(mutex_);
    std::vector<ProfileEntry> list;
    for (std::size_t i = 0; i < kinds_; ++i) list.push_back(described(table_[i]));
    if (others_.calls > 0) {
      ProfileEntry entry;
      entry.kernel = "others";
      entry.calls = others_.calls;
      entry.seconds = others_.seconds;
      list.push_back(entry);
    }
    std::stable_sort(list.begin(), list.end(), [](const ProfileEntry& a, const ProfileEntry& b) {
      return a.seconds > b.seconds;
    });
    return list;
  }

  std::atomic<bool> recording{true};

 private:
  // A network has some ten kinds of calls for each of its batch sizes.
  static constexpr std::size_t kMostKinds = 256;
  static constexpr std::size_t kSlots = 4 * kMostKinds;  // never nearly full

  struct Times {
    std::int64_t calls = 0;
    double seconds = 0;
  };
  struct Row {
    KernelSignature kind;
    Times times;
  };

  static std::size_t hash(const KernelSignature& kind) noexcept {
    std::uint64_t h = static_cast<std::uint64_t>(kind.kernel) << 3 | kind.element_size >> 3 |
                      static_cast<std::uint64_t>(kind.accumulates) << 1 |
                      static_cast<std::uint64_t>(kind.has_backward) << 2;
    for (const index_t value : {kind.rows, kind.cols, kind.depth})
      h = (h + static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15u;
    return static_cast<std::size_t>(h >> 32);
  }

  Times& times_of(const KernelSignature& kind) noexcept {
    for (std::size_t slot = hash(kind);; ++slot) {
      std::uint16_t& number = slots_[slot % kSlots];  // of a row, from 1; 0: free
      if (number == 0) {
        if (kinds_ == kMostKinds) return others_;
        table_[kinds_] = {kind, {}};
        number = static_cast<std::uint16_t>(++kinds_);
      }
      Row& row = table_[number - 1u];
      if (row.kind == kind) return row.times;
    }
  }

  static ProfileEntry described(const Row& row) {
    std::array<char, 128> text;
    ProfileEntry entry;
    entry.kernel = name_of(row.kind.kernel);
    entry.type = row.kind.element_size == sizeof(float) ? "f32" : "f64";
    entry.shape.assign(text.data(), print_shape(text.data(), text.size(), row.kind));
    entry.options.assign(text.data(), print_options(text.data(), text.size(), row.kind));
    entry.calls = row.times.calls;
    entry.seconds = row.times.seconds;
    const detail::CallWork work = work_of(row.kind);
    entry.flops = work.flops;
    entry.bytes = work.bytes;
    entry.footprint = work.footprint;
    return entry;
  }

  mutable std::mutex mutex_;
  std::array<std::uint16_t, kSlots> slots_{};
  std::array<Row, kMostKinds> table_{};
  std::size_t kinds_ = 0;
  Times others_;
};

template <class T>
class ProfiledKernels final : public detail::TimedKernels<T> {
 public:
  ProfiledKernels(const Kernels<T>& inner, ProfileTable& tally)
      : detail::TimedKernels<T>(inner), tally_(tally) {}

  // Not call by call, but as `inner` runs plans.
  void run(const Plan<T>& plan) const noexcept override {
    Watch watch(tally_);
    this->inner().run_observed(plan, watch);
  }
  void run_observed(const Plan<T>& plan, PlanObserver<T>& observer) const noexcept override {
    Watch watch(tally_, &observer);
    this->inner().run_observed(plan, watch);
  }

 protected:
  void report(const KernelSignature& kind, double seconds) const noexcept override {
    tally_.add(kind, seconds);
  }

 private:
  class Watch final : public PlanObserver<T> {
   public:
    explicit Watch(ProfileTable& tally, PlanObserver<T>* outer = nullptr)
        : tally_(tally), outer_(outer) {}

    void begin() noexcept override {
      if (outer_ != nullptr) outer_->begin();
      start_ = Clock::now();
    }
    void done(const KernelCall<T>& call) noexcept override {
      const std::chrono::duration<double> elapsed = Clock::now() - start_;
      std::visit([&](const auto& c) { tally_.add(detail::signature_of(c), elapsed.count()); },
                 call);
      if (outer_ != nullptr) outer_->done(call);
      start_ = Clock::now();  // the time since the first reading belongs to no kernel
    }

   private:
    using Clock = std::chrono::steady_clock;

    ProfileTable& tally_;
    PlanObserver<T>* outer_;
    Clock::time_point start_;
  };

  ProfileTable& tally_;
};

std::shared_ptr<const Backend> checked(std::shared_ptr<const Backend> backend) {
  if (backend == nullptr)
    throw ArgumentError("ProfiledBackend: the backend is null; make_backend() gives one");
  return backend;
}

}  // namespace

struct ProfiledBackend::Impl {
  explicit Impl(std::shared_ptr<const Backend> given)
      : inner(checked(std::move(given))), f32(inner->f32(), tally), f64(inner->f64(), tally) {}

  std::shared_ptr<const Backend> inner;
  ProfileTable tally;
  ProfiledKernels<float> f32;
  ProfiledKernels<double> f64;
};

ProfiledBackend::ProfiledBackend(std::shared_ptr<const Backend> inner)
    : impl_(std::make_unique<Impl>(std::move(inner))) {}
ProfiledBackend::~ProfiledBackend() = default;

const BackendInfo& ProfiledBackend::info() const noexcept { return impl_->inner->info(); }
const Kernels<float>& ProfiledBackend::f32() const noexcept { return impl_->f32; }
const Kernels<double>& ProfiledBackend::f64() const noexcept { return impl_->f64; }
void ProfiledBackend::throw_if_failed() const { impl_->inner->throw_if_failed(); }

void ProfiledBackend::set_recording(bool on) noexcept { impl_->tally.recording = on; }
void ProfiledBackend::clear() noexcept { impl_->tally.clear(); }
std::vector<ProfileEntry> ProfiledBackend::entries() const { return impl_->tally.entries(); }

}  // namespace lamella
