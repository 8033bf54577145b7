// OpenMP's own settings are caps on the openmp executor: what they say when it is made, and what
// omp_set_num_threads() says later.
#ifdef LAMELLA_WITH_OPENMP
#include "backends/openmp/openmp_settings.h"

#include <omp.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "backends/executor.h"
#include "tests/catch.h"
#include "tests/environment_guard.h"

namespace lamella::test {
namespace {

using backends::parse_openmp_stack_size;

/// Restores the calling thread's settings.
struct OpenMpSettings {
  int threads = omp_get_max_threads(), dynamic = omp_get_dynamic();
  OpenMpSettings() = default;
  OpenMpSettings(const OpenMpSettings&) = delete;
  OpenMpSettings& operator=(const OpenMpSettings&) = delete;
  ~OpenMpSettings() {
    omp_set_num_threads(threads);
    omp_set_dynamic(dynamic);
  }
};

/// How many threads run bodies; each must be run once.
std::size_t threads_used(const backends::Executor& executor, int workers) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  std::vector<int> ran(static_cast<std::size_t>(workers), 0);
  executor.run(workers, [&](int worker) {
    const std::lock_guard lock(mutex);
    ++ran[static_cast<std::size_t>(worker)];
    seen.insert(std::this_thread::get_id());
  });
  CHECK(ran == std::vector<int>(static_cast<std::size_t>(workers), 1));
  return seen.size();
}

TEST_CASE("omp_set_num_threads is a cap on later calls of its thread", "[openmp]") {
  const OpenMpSettings settings;
  const auto executor = backends::make_openmp_executor(5);
  CHECK(executor->concurrency() == 5);
  CHECK(threads_used(*executor, 40) == 5);  // one each, as no thread takes another's bodies
  omp_set_num_threads(settings.threads + 7);
  CHECK(executor->concurrency() == 5);
  omp_set_num_threads(3 == settings.threads ? 4 : 3);
  CHECK(executor->concurrency() == omp_get_max_threads());
  CHECK(threads_used(*executor, 40) == static_cast<std::size_t>(omp_get_max_threads()));
  int elsewhere = 0;
  std::thread([&] { elsewhere = executor->concurrency(); }).join();
  CHECK(elsewhere == 5);
  if (settings.threads != 1) {
    omp_set_num_threads(1);
    CHECK(executor->concurrency() == 1);
    CHECK(threads_used(*executor, 40) == 1);
  }
}

TEST_CASE("all bodies run with any number of threads that OpenMP chooses", "[openmp]") {
  const OpenMpSettings settings;
  omp_set_dynamic(1);
  const auto executor = backends::make_openmp_executor(3);
  for (int call = 0; call < 20; ++call) {
    const std::size_t threads = threads_used(*executor, 40);
    CHECK(threads >= 1);
    CHECK(threads <= 3);
  }
  // What OpenMP has chosen is asked for again, so that the team need not change with every call.
  CHECK(executor->concurrency() == static_cast<int>(threads_used(*executor, 40)));
}

TEST_CASE("what OpenMP allows is known before an executor is made", "[openmp]") {
  const OpenMpSettings settings;
  const auto limits = [] { return backends::openmp_library_threads(); };
  CHECK(limits().usual == settings.threads);
  CHECK(limits().most == omp_get_thread_limit());
  CHECK(std::string(limits().most_set_by) == "OMP_THREAD_LIMIT");
  const EnvironmentGuard three("OMP_NUM_THREADS", "3,1");
  omp_set_num_threads(3);
  CHECK(limits().usual == 3);
  CHECK(std::string(limits().usual_set_by) == "OMP_NUM_THREADS");
  omp_set_num_threads(2);
  CHECK(limits().usual == 2);
  CHECK(std::string(limits().usual_set_by) == "omp_set_num_threads");
}

TEST_CASE("sizes of stacks are read as OpenMP reads them", "[openmp]") {
  constexpr std::size_t kKilo = 1024;
  CHECK(parse_openmp_stack_size("4096") == 4096 * kKilo);
  CHECK(parse_openmp_stack_size(" 512 k ") == 512 * kKilo);
  CHECK(parse_openmp_stack_size("20000B") == 20000);
  CHECK(parse_openmp_stack_size("3m") == 3 * kKilo * kKilo);
  CHECK(parse_openmp_stack_size("2 G") == 2 * kKilo * kKilo * kKilo);
  for (const char* text : {"", " ", "k", "-1", "+1", "1.5M", "4 KB", "12x", "1 2", "0x10",
                           "99999999999999999999", "18446744073709551615", "17179869184G"}) {
    CAPTURE(text);
    CHECK(parse_openmp_stack_size(text) == 0);
  }
  const EnvironmentGuard openmp("OMP_STACKSIZE", "3M"), gnu("GOMP_STACKSIZE", "nonsense"),
      llvm("KMP_STACKSIZE", "1M");
  CHECK(backends::openmp_stack_bytes() >= 3 * kKilo * kKilo);
  CHECK(backends::openmp_stack_bytes() < 4 * kKilo * kKilo);
}

}  // namespace
}  // namespace lamella::test
#endif
