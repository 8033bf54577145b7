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
constexpr AskLibraryThreads kOpenMpThreads = backends::openmp_library_threads;
constexpr bool (*kOpenMpLost)() noexcept = backends::openmp_threads_are_lost;
#else
constexpr MakeExecutor kOpenMp = nullptr;
constexpr AskLibraryThreads kOpenMpThreads = nullptr;
constexpr bool (*kOpenMpLost)() noexcept = nullptr;
#endif
#if LAMELLA_WITH_TBB
constexpr MakeExecutor kTbb = backends::make_tbb_executor;
constexpr AskLibraryThreads kTbbThreads = backends::tbb_library_threads;
constexpr bool (*kTbbLost)() noexcept = backends::tbb_threads_are_lost;
#else
constexpr MakeExecutor kTbb = nullptr;
constexpr AskLibraryThreads kTbbThreads = nullptr;
constexpr bool (*kTbbLost)() noexcept = nullptr;
#endif

// oneTBB before OpenMP: its caller runs itself what no other thread has begun. The join of an
// OpenMP region waits for all threads of the team, also for one whose processor another program
// has; and its runtimes wait for ever in a child of fork(), and end the program where they get no
// thread.
constexpr BackendEntry kBackends[] = {
    {"scalar", true, false, one_thread, nullptr, nullptr, "", "plain loops, one thread",
     "has no vector kernels"},
    {"simd", false, false, one_thread, nullptr, nullptr, "", "vector kernels, one thread",
     "uses one thread"},
    {"openmp", false, true, kOpenMp, kOpenMpThreads, kOpenMpLost, "LAMELLA_WITH_OPENMP",
     "vector kernels on OpenMP threads", "waits also for threads that have no processor"},
    {"tbb", false, true, kTbb, kTbbThreads, kTbbLost, "LAMELLA_WITH_TBB",
     "vector kernels on oneTBB threads", ""},
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
  // The last one, as `auto` takes it, for the same reasons.
  const BackendEntry* best = &kBackends[0];
  for (const BackendEntry& entry : kBackends)
    if (entry.threads && entry.make_executor != nullptr) best = &entry;
  return *best;
}

}  // namespace lamella::detail
