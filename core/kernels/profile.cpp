// Profiles: a table of call signatures, to whose rows kernels add their times, and the backend that
// times its kernels.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <utility>
#include <variant>

#include <lamella/error.h>
#include <lamella/profile.h>

#include "core/kernels/timed_kernels.h"
#include "core/platform/fork_aware_lock.h"

namespace lamella {
namespace {

using detail::KernelSignature;

/// Times of calls by signature. Kernels call add(), so it neither allocates nor throws.
class ProfileTable {
 public:
  void add(const KernelSignature& signature, double seconds) noexcept {
    if (!recording.load(std::memory_order_relaxed)) return;
    hold([&] {
      Times& times = times_of(signature);
      ++times.calls;
      times.seconds += seconds;
    });
  }

  void clear() noexcept {
    hold([&] { forget(); });
  }

  std::vector<ProfileEntry> entries() {
    std::vector<ProfileEntry> list;
    hold([&] {
      for (std::size_t i = 0; i < rows_used_; ++i) list.push_back(described(table_[i]));
      if (others_.calls == 0) return;
      ProfileEntry entry;
      entry.kernel = "others";
      entry.calls = others_.calls;
      entry.seconds = others_.seconds;
      list.push_back(entry);
    });
    std::stable_sort(list.begin(), list.end(), [](const ProfileEntry& a, const ProfileEntry& b) {
      return a.seconds > b.seconds;
    });
    return list;
  }

  std::atomic<bool> recording{true};

 private:
  // A network makes calls of some ten signatures for each of its batch sizes.
  static constexpr std::size_t kMostRows = 256;
  static constexpr std::size_t kSlots = 4 * kMostRows;  // so that it never gets nearly full

  struct Times {
    std::int64_t calls = 0;
    double seconds = 0;
  };
  struct Row {
    KernelSignature signature;
    Times times;
  };

  void forget() noexcept {
    rows_used_ = 0;
    slots_.fill(0);
    others_ = {};
  }

  // In a child of fork() whose parent was writing at that moment, the table begins anew.
  template <class Body>
  void hold(const Body& body) {
    lock_.hold([this] { forget(); }, body);
  }

  static std::size_t hash(const KernelSignature& signature) noexcept {
    std::uint64_t h = static_cast<std::uint64_t>(signature.kernel) << 16 |
                      static_cast<std::uint64_t>(signature.element_size) << 8 | signature.options |
                      static_cast<std::uint64_t>(signature.has_backward) << 7;
    for (const index_t value : {signature.rows, signature.cols, signature.depth})
      h = (h + static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15u;
    return static_cast<std::size_t>(h >> 32);
  }

  Times& times_of(const KernelSignature& signature) noexcept {
    for (std::size_t slot = hash(signature);; ++slot) {
      std::uint16_t& number = slots_[slot % kSlots];  // of a row, from 1; 0: free
      if (number == 0) {
        if (rows_used_ == kMostRows) return others_;
        table_[rows_used_] = {signature, {}};
        number = static_cast<std::uint16_t>(++rows_used_);
      }
      Row& row = table_[number - 1u];
      if (row.signature == signature) return row.times;
    }
  }

  static ProfileEntry described(const Row& row) {
    const KernelSignature& signature = row.signature;
    detail::Line shape, options;
    add_shape(shape, signature);
    add_options(options, signature);
    ProfileEntry entry;
    entry.kernel = name_of(signature.kernel);
    entry.type = signature.element_size == sizeof(float) ? "f32" : "f64";
    entry.shape = shape.text();
    entry.options = options.text();
    entry.calls = row.times.calls;
    entry.seconds = row.times.seconds;
    entry.flops = signature.work.flops;
    entry.bytes = signature.work.bytes;
    entry.footprint = signature.work.footprint;
    return entry;
  }

  detail::ForkAwareLock lock_;
  std::array<std::uint16_t, kSlots> slots_{};
  std::array<Row, kMostRows> table_{};
  std::size_t rows_used_ = 0;
  Times others_;
};

template <class T>
class ProfiledKernels final : public detail::TimedKernels<T> {
 public:
  ProfiledKernels(const Kernels<T>& inner, ProfileTable& table)
      : detail::TimedKernels<T>(inner), table_(table) {}

  // Not call by call, but as `inner` runs plans.
  void run(const Plan<T>& plan) const noexcept override {
    Watch watch(table_);
    this->inner().run_observed(plan, watch);
  }
  void run_observed(const Plan<T>& plan, PlanObserver<T>& observer) const noexcept override {
    Watch watch(table_, &observer);
    this->inner().run_observed(plan, watch);
  }

 protected:
  void report(const KernelSignature& signature, double seconds) const noexcept override {
    table_.add(signature, seconds);
  }

 private:
  class Watch final : public PlanObserver<T> {
   public:
    explicit Watch(ProfileTable& table, PlanObserver<T>* outer = nullptr)
        : table_(table), outer_(outer) {}

    void begin() noexcept override {
      if (outer_ != nullptr) outer_->begin();
      start_ = Clock::now();
    }
    void done(const KernelCall<T>& call) noexcept override {
      const std::chrono::duration<double> elapsed = Clock::now() - start_;
      visit_call<T>(call, [&](const auto& operands) {
        table_.add(detail::signature_of(operands), elapsed.count());
      });
      if (outer_ != nullptr) outer_->done(call);
      start_ = Clock::now();  // the time since the first reading belongs to no kernel
    }

   private:
    using Clock = std::chrono::steady_clock;

    ProfileTable& table_;
    PlanObserver<T>* outer_;
    Clock::time_point start_;
  };

  ProfileTable& table_;
};

std::shared_ptr<const Backend> checked(std::shared_ptr<const Backend> backend) {
  if (backend == nullptr)
    throw ArgumentError("ProfiledBackend: the backend is null; make_backend() gives one");
  return backend;
}

}  // namespace

struct ProfiledBackend::Impl {
  explicit Impl(std::shared_ptr<const Backend> given)
      : inner(checked(std::move(given))), f32(inner->f32(), table), f64(inner->f64(), table) {}

  std::shared_ptr<const Backend> inner;
  ProfileTable table;
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

void ProfiledBackend::set_recording(bool on) noexcept { impl_->table.recording = on; }
void ProfiledBackend::clear() noexcept { impl_->table.clear(); }
std::vector<ProfileEntry> ProfiledBackend::entries() const { return impl_->table.entries(); }

}  // namespace lamella
