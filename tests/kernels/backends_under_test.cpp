// Makes every backend that is usable here; see backends_under_test.h.
#include "tests/kernels/backends_under_test.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include <lamella/backend_selection.h>

#include "backends/driver_backend.h"
#include "tests/kernels/executors.h"
#include "tests/minimal_backend.h"

namespace lamella::test {
namespace {

constexpr int kPieces = 3;
constexpr const char* kMinimal = "minimal";  // the suite's own, which the registry does not know

bool threaded(const std::string& name) { return name == "openmp" || name == "tbb"; }
bool vector_kernels(const std::string& name) { return name == "simd" || threaded(name); }

/// The instruction sets usable here, at least one.
std::vector<std::string> usable_isas(std::vector<std::string>* left_out) {
  std::vector<std::string> names;
  for (const IsaStatus& isa : list_isas()) {
    if (isa.compiled && isa.usable)
      names.push_back(isa.name);
    else if (left_out != nullptr)
      left_out->push_back(isa.name + (isa.compiled ? ": not usable here: " : ": not compiled: ") +
                          isa.reason);
  }
  if (names.empty()) throw std::runtime_error("no instruction set is usable here");
  return names;
}

/// LAMELLA_TEST_BACKEND, or null if it is unset or empty.
const char* wanted_backend() {
  const char* wanted = std::getenv("LAMELLA_TEST_BACKEND");
  return wanted == nullptr || *wanted == '\0' ? nullptr : wanted;
}

struct Selection {
  std::vector<std::string> names;
  std::vector<std::string> left_out;
};

Selection select() {
  Selection selection;
  usable_isas(&selection.left_out);
  const char* wanted = wanted_backend();
  std::string known = kMinimal;
  for (const BackendStatus& status : list_backends()) {
    if (status.name == kMinimal) {
      selection.left_out.push_back("a plugin that has the name of this suite's own backend, " +
                                   status.name);
      continue;
    }
    known += ", " + status.name;
    if (wanted != nullptr && status.name != wanted) continue;
    if (status.compiled && status.usable)
      selection.names.push_back(status.name);
    else if (wanted != nullptr)
      throw std::runtime_error("LAMELLA_TEST_BACKEND=" + status.name +
                               " is not usable here: " + status.reason);
    else
      selection.left_out.push_back(status.name + ": " + status.reason);
  }
  if (wanted == nullptr || std::string(kMinimal) == wanted) selection.names.emplace_back(kMinimal);
  if (selection.names.empty())
    throw std::runtime_error(std::string("LAMELLA_TEST_BACKEND=") + wanted +
                             " is unknown; valid are " + known);
  return selection;
}

const Selection& selection() {
  static const Selection made = select();
  return made;
}

std::string label_of(const BackendInfo& info) {
  return info.name + "/" + info.isa + "/" + std::to_string(info.threads);
}

/// From make_backend, which must give exactly the backend that was asked for.
BackendUnderTest from_registry(const BackendRequest& request) {
  std::shared_ptr<const Backend> backend = make_backend(request);
  const BackendInfo& info = backend->info();
  if (info.name != request.name || (!request.isa.empty() && info.isa != request.isa))
    throw std::runtime_error("asked for " + request.name + "/" + request.isa + ", got " +
                             label_of(info));
  return {label_of(info), std::move(backend)};
}

std::vector<BackendUnderTest> make_backends() {
  std::vector<BackendUnderTest> all;
  for (const std::string& name : names_under_test()) {
    if (name == kMinimal) {
      all.push_back({name, make_minimal_backend()});
      continue;
    }
    if (vector_kernels(name))
      for (const std::string& isa : usable_isas(nullptr))
        all.push_back(from_registry({.name = name, .isa = isa, .threads = 0}));
    else
      all.push_back(from_registry({.name = name, .isa = "", .threads = 0}));
    if (threaded(name)) continue;
    // The same kernels with work split as threads would split it, for the price of none.
    for (const NamedTables& named : tables_of(name)) {
      const BackendInfo info{name, named.isa, kPieces, "the test"};
      all.push_back({label_of(info) + " pieces",
                     backends::make_driver_backend(info, named.tables,
                                                   std::make_unique<BackwardExecutor>(kPieces))});
    }
  }
  return all;
}

}  // namespace

const std::vector<BackendUnderTest>& backends_under_test() {
  static const std::vector<BackendUnderTest> made = make_backends();
  return made;
}

const std::vector<std::string>& names_under_test() { return selection().names; }
const std::vector<std::string>& left_out() { return selection().left_out; }

std::vector<NamedTables> tables_of(const std::string& backend) {
  if (backend == "scalar") return {{"scalar", backends::scalar_tables()}};
  std::vector<NamedTables> usable;
  if (!vector_kernels(backend)) return usable;
  for (const std::string& isa : usable_isas(nullptr)) {
    const auto tables = isa == "baseline" ? backends::baseline_tables()
                        : isa == "avx2"   ? backends::avx2_tables()
                        : isa == "avx512" ? backends::avx512_tables()
                                          : backends::neon_tables();
    if (tables.f32 == nullptr || tables.f64 == nullptr)
      throw std::runtime_error("instruction set " + isa + " is usable but has no kernels");
    usable.push_back({isa, tables});
  }
  return usable;
}

std::unique_ptr<backends::Executor> make_executor([[maybe_unused]] const std::string& backend,
                                                  [[maybe_unused]] int threads) {
#ifdef LAMELLA_WITH_OPENMP
  if (backend == "openmp") return backends::make_openmp_executor(threads);
#endif
#ifdef LAMELLA_WITH_TBB
  if (backend == "tbb") return backends::make_tbb_executor(threads);
#endif
  return nullptr;
}

}  // namespace lamella::test
