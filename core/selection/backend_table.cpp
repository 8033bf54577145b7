// The one file of core/ that names backends. A new one is a line here.
#include "core/selection/backend_table.h"

#include <algorithm>

#include "backends/driver_backend.h"
#include "core/base/format.h"

namespace lamella::detail {
namespace {

std::unique_ptr<backends::Executor> one_thread(int) { return backends::make_serial_executor(); }

#if LAMELLA_WITH_OPENMP
constexpr MakeExecutor kOpenMp = backends::make_openmp_executor;
constexpr bool (*kOpenMpLost)() noexcept = backends::openmp_threads_are_lost;
#else
constexpr MakeExecutor kOpenMp = nullptr;
constexpr bool (*kOpenMpLost)() noexcept = nullptr;
#endif
#if LAMELLA_WITH_TBB
constexpr MakeExecutor kTbb = backends::make_tbb_executor;
constexpr bool (*kTbbLost)() noexcept = backends::tbb_threads_are_lost;
#else
constexpr MakeExecutor kTbb = nullptr;
constexpr bool (*kTbbLost)() noexcept = nullptr;
#endif

constexpr BackendEntry kBackends[] = {
    {"scalar", true, false, one_thread, nullptr, "", "plain loops, one thread"},
    {"simd", false, false, one_thread, nullptr, "", "vector kernels, one thread"},
    {"tbb", false, true, kTbb, kTbbLost, "LAMELLA_WITH_TBB", "vector kernels on oneTBB threads"},
    {"openmp", false, true, kOpenMp, kOpenMpLost, "LAMELLA_WITH_OPENMP",
     "vector kernels on OpenMP threads"},
};

constexpr IsaEntry kIsas[] = {
    {"baseline", Isa::baseline, backends::baseline_tables, "SSE2: any x86-64"},
    {"avx2", Isa::avx2, backends::avx2_tables, "AVX2 and FMA"},
    {"avx512", Isa::avx512, backends::avx512_tables, "AVX-512 F, CD, DQ, BW, VL"},
    {"neon", Isa::neon, backends::neon_tables, "Advanced SIMD: any AArch64"},
};

}  // namespace

std::span<const BackendEntry> backend_table() { return kBackends; }
std::span<const IsaEntry> isa_table() { return kIsas; }

bool is_compiled(const IsaEntry& entry) {
  const auto tables = entry.tables();
  return tables.f32 != nullptr && tables.f64 != nullptr;
}

std::string unavailable_reason(const IsaEntry& entry) {
  auto reason = isa_unavailable_reason(entry.isa);
  if (reason.empty() && !is_compiled(entry)) reason = "not compiled into this library";
  return reason;
}

std::string unavailable_reason(const BackendEntry& entry) {
  if (entry.make_executor == nullptr)
    return formatted("not compiled: configure with -D{}=ON", entry.option);
  // Threads over scalar kernels are still worth having; simd would be scalar by another name.
  const bool needs_vectors = !entry.scalar_kernels && !entry.threads;
  if (needs_vectors && std::none_of(std::begin(kIsas), std::end(kIsas), [](const IsaEntry& isa) {
        return unavailable_reason(isa).empty();
      }))
    return formatted("no vector kernels for this processor ({})", processor_family());
  return {};
}

const BackendEntry& plugin_threads() {
  // The first one, which is oneTBB if it is compiled. A plugin has a parallel region in every
  // kernel. The join of libgomp waits for all threads of the team, also for one whose processor
  // another program has, while a oneTBB caller runs the tasks itself that no thread has begun.
  for (const BackendEntry& entry : kBackends)
    if (entry.threads && entry.make_executor != nullptr) return entry;
  return kBackends[0];
}

}  // namespace lamella::detail
