// Makes the backends that kernels are compared on; see kernel_backends.h.
#include "tests/fuzz/kernel_backends.h"

#include <utility>

#include <lamella/backend_selection.h>

#include "backends/driver_backend.h"
#include "backends/executor.h"

namespace lamella::fuzz {
namespace {

constexpr int kThreads = 2;
constexpr int kPieces = 3;

// Threads of another executor, cheaper in the eyes of drivers than they are: these cut calls of a
// fuzzer's size that they would leave whole.
class EagerExecutor final : public backends::Executor {
 public:
  explicit EagerExecutor(std::unique_ptr<Executor> inner) : inner_(std::move(inner)) {}
  int concurrency() const noexcept override { return kThreads; }
  void run(int workers, backends::WorkerBody body) const noexcept override {
    inner_->run(workers, body);
  }
  double start_cost() const noexcept override { return 0.02; }

 private:
  std::unique_ptr<Executor> inner_;
};

// Pieces of a few elements, one after the other on the calling thread, the last first.
class PiecesExecutor final : public backends::Executor {
 public:
  int concurrency() const noexcept override { return kPieces; }
  void run(int workers, backends::WorkerBody body) const noexcept override {
    for (int worker = workers - 1; worker >= 0; --worker) body(worker);
  }
  double start_cost() const noexcept override { return 1e-3; }
};

backends::KernelTables tables_of(const std::string& isa) {
  return isa == "baseline" ? backends::baseline_tables()
         : isa == "avx2"   ? backends::avx2_tables()
         : isa == "avx512" ? backends::avx512_tables()
                           : backends::neon_tables();
}

std::vector<FuzzedBackend> make_backends() {
  std::vector<FuzzedBackend> all;
  const auto add = [&](const std::string& name, const std::string& isa,
                       backends::KernelTables tables,
                       std::unique_ptr<backends::Executor> executor) {
    const BackendInfo info{name, isa, executor->concurrency(), "the fuzzer"};
    backends::ThreadingOptions fixed;
    fixed.adaptive = false;  // else the machine's load decides which code runs
    all.push_back({name + "/" + isa, isa,
                   backends::make_driver_backend(info, tables, std::move(executor), fixed)});
  };
  add("scalar", "scalar", backends::scalar_tables(), backends::make_serial_executor());
  for (const IsaStatus& isa : list_isas()) {
    if (!isa.compiled || !isa.usable) continue;
    const backends::KernelTables tables = tables_of(isa.name);
    require(tables.f32 != nullptr && tables.f64 != nullptr, "an instruction set without kernels");
    add("simd", isa.name, tables, backends::make_serial_executor());
    add("pieces", isa.name, tables, std::make_unique<PiecesExecutor>());
#ifdef LAMELLA_WITH_OPENMP
    add("openmp", isa.name, tables,
        std::make_unique<EagerExecutor>(backends::make_openmp_executor(kThreads)));
#endif
#ifdef LAMELLA_WITH_TBB
    add("tbb", isa.name, tables,
        std::make_unique<EagerExecutor>(backends::make_tbb_executor(kThreads)));
#endif
  }
  return all;
}

}  // namespace

const std::vector<FuzzedBackend>& fuzzed_backends() {
  // Never destroyed: a finding ends the process while calls run.
  static const auto* const all = new std::vector<FuzzedBackend>(make_backends());
  return *all;
}

}  // namespace lamella::fuzz
