// The same bits for every number of threads, for every executor, and for simd, openmp and tbb
// alike on one instruction set.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <lamella/backend_selection.h>

#include "backends/driver_backend.h"
#include "tests/catch.h"
#include "tests/kernels/backends_under_test.h"
#include "tests/kernels/check_backends.h"
#include "tests/kernels/executors.h"
#include "tools/conformance/workload.h"

namespace lamella::test {
namespace {

using backends::Executor;
using conformance::different_outcomes;
using conformance::Extent;
using conformance::run_workload;

std::shared_ptr<const Backend> with_executor(const NamedTables& named,
                                             std::unique_ptr<Executor> executor) {
  const int threads = executor->concurrency();
  return backends::make_driver_backend({"test", named.isa, threads, "the test"}, named.tables,
                                       std::move(executor));
}

TEMPLATE_TEST_CASE("results have the same bits for every number of threads", "[determinism]", float,
                   double) {
  CheckContext context;
  for (const std::string& name : names_under_test())
    for (const NamedTables& named : tables_of(name)) {
      INFO(name << "/" << named.isa);
      const auto serial =
          run_workload<TestType>(*with_executor(named, backends::make_serial_executor()), 100);
      for (int threads = 2; threads <= 4; ++threads) {
        std::unique_ptr<Executor> executor = make_executor(name, threads);
        if (executor == nullptr) executor = std::make_unique<BackwardExecutor>(threads);
        INFO(threads << " threads");
        const auto threaded =
            run_workload<TestType>(*with_executor(named, std::move(executor)), 100);
        context(name + "/" + named.isa + " threads " + std::to_string(threads),
                different_outcomes(threaded, serial));
      }
    }
}

TEMPLATE_TEST_CASE("results have the same bits with more workers than an output has tiles",
                   "[determinism]", float, double) {
  CheckContext context;
  for (const std::string& name : names_under_test())
    for (const NamedTables& named : tables_of(name)) {
      const auto serial = with_executor(named, backends::make_serial_executor());
      // Thirteen threads at the same time, whether or not the backend's own executor would.
      const auto crowded = with_executor(named, std::make_unique<ThreadExecutor>(13));
      context(name + "/" + named.isa,
              different_outcomes(run_workload<TestType>(*crowded, 104, Extent::brief),
                                 run_workload<TestType>(*serial, 104, Extent::brief)));
    }
}

#define LAMELLA_COUNT(Operands, function, requirement, matrix) +1
constexpr std::size_t kKernels = LAMELLA_FOR_EACH_KERNEL(LAMELLA_COUNT);
#undef LAMELLA_COUNT

TEMPLATE_TEST_CASE("the workload of the thread tests is really split, kernel by kernel",
                   "[determinism]", float, double) {
  for (const std::string& name : names_under_test())
    for (const NamedTables& named : tables_of(name)) {
      int most_workers = 0;
      const auto backend =
          with_executor(named, std::make_unique<RecordingExecutor>(
                                   std::make_unique<BackwardExecutor>(4), &most_workers));
      std::map<std::string, int> workers;
      std::string current;
      const auto note = [&](const std::string& next) {
        if (!current.empty()) workers[current] = std::max(workers[current], most_workers);
        current = next;
        most_workers = 0;
      };
      run_workload<TestType>(*backend, 101, Extent::full, note);
      note("");
      CHECK(workers.size() == kKernels);
      for (const auto& [kernel, most] : workers) {
        INFO(name << "/" << named.isa << " " << kernel);
        CHECK(most > 1);
        CHECK(most <= 4);
      }
    }
}

TEMPLATE_TEST_CASE("backends of one instruction set have the same bits as simd", "[determinism]",
                   float, double) {
  CheckContext context;
  const auto outcomes = [](const std::string& name, const std::string& isa, int threads) {
    return run_workload<TestType>(*make_backend({.name = name, .isa = isa, .threads = threads}),
                                  102, Extent::brief);
  };
  for (const std::string& name : names_under_test()) {
    if (name != "openmp" && name != "tbb") continue;
    for (const NamedTables& named : tables_of(name)) {
      const auto simd = outcomes("simd", named.isa, 0);
      for (int threads : {1, 2})
        context(name + "/" + named.isa + "/" + std::to_string(threads),
                different_outcomes(outcomes(name, named.isa, threads), simd));
    }
  }
}

}  // namespace
}  // namespace lamella::test
