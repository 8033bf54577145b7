// The caller's rounding and its treatment of denormal numbers hold for every thread of a run, so
// that bits do not depend on the number of threads.
#include "core/platform/floating_point.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lamella/backend.h>
#include <lamella/matrix.h>

#include "backends/driver_backend.h"
#include "backends/executor.h"
#include "tests/catch.h"

namespace lamella::test {
namespace {

#if defined(__x86_64__)
using Register = unsigned;
Register read_register() { return __builtin_ia32_stmxcsr(); }
void write_register(Register value) { __builtin_ia32_ldmxcsr(value); }
constexpr std::array<std::pair<const char*, Register>, 5> kSettings = {
    {{"flush to zero", 0x8000},
     {"denormals are zeros", 0x0040},
     {"both", 0x8040},
     {"rounding down", 0x2000},
     {"rounding to zero, flush to zero", 0xe000}}};
constexpr Register kMask = 0xe040;
#elif defined(__aarch64__)
using Register = std::uint64_t;
Register read_register() {
  Register value;
  __asm__ volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
void write_register(Register value) { __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory"); }
constexpr std::array<std::pair<const char*, Register>, 3> kSettings = {
    {{"flush to zero", 1u << 24},
     {"rounding down", 2u << 22},
     {"rounding to zero, flush to zero", 3u << 22 | 1u << 24}}};
constexpr Register kMask = 3u << 22 | 1u << 24;
#endif

#if defined(__x86_64__) || defined(__aarch64__)

/// The calling thread's settings, until the end of the scope.
class Settings {
 public:
  explicit Settings(Register bits) : own_(read_register()) {
    write_register((own_ & ~kMask) | bits);
  }
  ~Settings() { write_register(own_); }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

 private:
  Register own_;
};

using MakeExecutor = std::unique_ptr<backends::Executor> (*)(int);
std::vector<std::pair<std::string, MakeExecutor>> executors() {
  std::vector<std::pair<std::string, MakeExecutor>> all;
#ifdef LAMELLA_WITH_OPENMP
  all.emplace_back("openmp", backends::make_openmp_executor);
#endif
#ifdef LAMELLA_WITH_TBB
  all.emplace_back("tbb", backends::make_tbb_executor);
#endif
  return all;
}

std::shared_ptr<const Backend> backend_on(std::unique_ptr<backends::Executor> executor) {
  // Threads are used whatever has been measured.
  backends::ThreadingOptions options;
  options.adaptive = false;
#if defined(__x86_64__)
  const auto tables = backends::baseline_tables();
#else
  const auto tables = backends::neon_tables();
#endif
  const int threads = executor->concurrency();
  return backends::make_driver_backend({"test", "test", threads, ""}, tables, std::move(executor),
                                       options);
}

/// A product whose terms and sums are around the smallest normal number, and inexact.
std::vector<float> product(const Backend& backend) {
  constexpr index_t n = 160;
  std::vector<float> a(n * n), b(n * n), c(n * n);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(i % 97 + 1) * 1.1e-39f;
    b[i] = static_cast<float>(i % 89) / 89 - 0.5f;
  }
  backend.gemm<float>(1, row_major<const float>(a.data(), n, n),
                      row_major<const float>(b.data(), n, n), 0, row_major(c.data(), n, n));
  return c;
}

TEST_CASE("bits under floating-point settings do not depend on threads", "[floating_point]") {
  const auto one_thread = backend_on(backends::make_serial_executor());
  const auto usual = product(*one_thread);
  for (const auto& [name, make] : executors())
    for (const auto& [what, bits] : kSettings)
      for (const int threads : {2, 4}) {
        CAPTURE(name, what, threads);
        const auto expected = [&, b = bits] {
          const Settings settings(b);
          return product(*one_thread);
        }();
        CHECK(expected != usual);  // or the rest would show nothing
        const auto before = backend_on(make(threads));
        {
          const Settings settings(bits);
          for (int round = 0; round < 5; ++round) CHECK(product(*before) == expected);
        }
        for (int round = 0; round < 5; ++round) CHECK(product(*before) == usual);
        // Now its threads exist, with the usual settings.
        const Settings settings(bits);
        for (int round = 0; round < 5; ++round) CHECK(product(*before) == expected);
      }
}

TEST_CASE("every body has the caller's floating-point settings", "[floating_point]") {
  for (const auto& [name, make] : executors())
    for (const int threads : {1, 2, 4}) {
      CAPTURE(name, threads);
      const auto executor = make(threads);
      const auto seen = [&] {
        std::vector<Register> all(64);
        executor->run(64, [&](int worker) {
          all[static_cast<std::size_t>(worker)] = read_register() & kMask;
        });
        return all;
      };
      const Register usual = read_register() & kMask;
      CHECK(seen() == std::vector<Register>(64, usual));
      {
        const Settings settings(kSettings[0].second);
        CHECK(seen() == std::vector<Register>(64, kSettings[0].second));
        CHECK((read_register() & kMask) == kSettings[0].second);
      }
      CHECK(seen() == std::vector<Register>(64, usual));
    }
}

TEST_CASE("a scope gives a thread its own floating-point settings back", "[floating_point]") {
  const Register own = read_register() & kMask;
  const detail::FloatingPointControl control;
  const Settings settings(kSettings[0].second);
  {
    const detail::FloatingPointControl::Scope scope(control);
    CHECK((read_register() & kMask) == own);
  }
  CHECK((read_register() & kMask) == kSettings[0].second);
}

#endif

}  // namespace
}  // namespace lamella::test
