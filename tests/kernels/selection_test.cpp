// The environment really selects: seen from outside, in the verbose trace of another process.
#include <cstdio>
#include <cstdlib>

#include <lamella/backend_selection.h>
#include <lamella/error.h>

#include "tests/catch.h"
#include "tests/kernels/backends_under_test.h"
#include "tests/kernels/child_process.h"
#include "tools/conformance/operand.h"

namespace lamella::test {
namespace {

using conformance::Operand;

using Catch::Matchers::ContainsSubstring;

constexpr const char* kChild = "child process: makes a backend and calls a kernel";

/// What run_child runs: reads its request from variables that the library does not know.
TEST_CASE("child process: makes a backend and calls a kernel", "[.child]") {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const std::string threads = variable("REQUEST_THREADS");
  try {
    const auto backend = make_backend({.name = variable("REQUEST_NAME"),
                                       .isa = variable("REQUEST_ISA"),
                                       .threads = threads.empty() ? 0 : std::stoi(threads)});
    const BackendInfo& info = backend->info();
    std::printf("made %s/%s/%d\n", info.name.c_str(), info.isa.c_str(), info.threads);
    const Operand<float> a(8, 24, {}, [](index_t, index_t) { return 1; });
    const Operand<float> c(8, 8, {});
    backend->gemm<float>(1, a.read(), transposed(a.read()), 0, c.view());
    CHECK(c.view()(7, 7) == 24);
  } catch (const BackendError& error) {
    std::printf("refused: %s\n", error.what());
  }
}

ChildResult run_with(std::vector<std::string> environment) {
  return run_child(kChild, environment);
}

/// Backends under test that the registry makes.
std::vector<std::string> registered_backends() {
  std::vector<std::string> names;
  for (const std::string& name : names_under_test())
    if (name != "minimal") names.push_back(name);
  return names;
}

TEST_CASE("LAMELLA_BACKEND selects the backend whose kernels run", "[selection]") {
  for (const std::string& name : registered_backends()) {
    const ChildResult child = run_with({"LAMELLA_BACKEND=" + name, "LAMELLA_VERBOSE=1"});
    CHECK(child.exit_code == 0);
    CHECK_THAT(child.output, ContainsSubstring("made " + name + "/"));
    CHECK_THAT(child.errors, ContainsSubstring("backend " + name + ","));
    CHECK_THAT(child.errors, ContainsSubstring("chosen by LAMELLA_BACKEND"));
    // A line for the kernel call: kernel, type, shape, and backend.
    CHECK_THAT(child.errors, ContainsSubstring("gemm f32 8x8x24 " + name + "/"));
  }
}

TEST_CASE("LAMELLA_ISA selects the instruction set whose kernels run", "[selection]") {
  for (const std::string& name : registered_backends()) {
    if (tables_of(name).empty()) continue;  // a plugin
    for (const IsaStatus& isa : list_isas()) {
      const ChildResult child =
          run_with({"LAMELLA_BACKEND=" + name, "LAMELLA_ISA=" + isa.name, "LAMELLA_VERBOSE=1"});
      INFO(name << "/" << isa.name);
      CHECK(child.exit_code == 0);
      if (isa.usable) {
        const std::string made = name + "/" + (name == "scalar" ? "scalar" : isa.name);
        CHECK_THAT(child.output, ContainsSubstring("made " + made + "/"));
        CHECK_THAT(child.errors, ContainsSubstring("gemm f32 8x8x24 " + made + " "));
      } else {
        CHECK_THAT(child.output, ContainsSubstring("refused: "));
        CHECK_THAT(child.output, ContainsSubstring(isa.reason));
        CHECK_THAT(child.errors, !ContainsSubstring("gemm"));
      }
    }
  }
}

TEST_CASE("LAMELLA_NUM_THREADS limits the threads", "[selection]") {
  for (const std::string& name : registered_backends()) {
    const ChildResult one =
        run_with({"LAMELLA_BACKEND=" + name, "LAMELLA_NUM_THREADS=1", "LAMELLA_VERBOSE=1"});
    CHECK(one.exit_code == 0);
    CHECK_THAT(one.output, ContainsSubstring("/1\n"));
    CHECK_THAT(one.errors, ContainsSubstring(" 1 thread "));
    // Never more than the machine grants.
    const ChildResult many = run_with({"LAMELLA_BACKEND=" + name, "LAMELLA_NUM_THREADS=100000"});
    CHECK_THAT(many.output, !ContainsSubstring("/100000\n"));
  }
}

TEST_CASE("without LAMELLA_VERBOSE nothing is printed", "[selection]") {
  for (const std::string& name : registered_backends()) {
    CHECK(run_with({"LAMELLA_BACKEND=" + name}).errors.empty());
    CHECK(run_with({"LAMELLA_BACKEND=" + name, "LAMELLA_VERBOSE=0"}).errors.empty());
  }
}

TEST_CASE("the API's request comes before the environment", "[selection]") {
  for (const std::string& name : registered_backends()) {
    const std::string other = name == "scalar" ? "simd" : "scalar";
    const ChildResult child =
        run_with({"LAMELLA_BACKEND=" + other, "LAMELLA_NUM_THREADS=2", "LAMELLA_VERBOSE=1",
                  "REQUEST_NAME=" + name, "REQUEST_THREADS=1"});
    CHECK_THAT(child.output, ContainsSubstring("made " + name + "/"));
    CHECK_THAT(child.output, ContainsSubstring("/1\n"));
    CHECK_THAT(child.errors, ContainsSubstring("chosen by request"));
    CHECK_THAT(child.errors, ContainsSubstring("gemm f32 8x8x24 " + name + "/"));
  }
}

TEST_CASE("unknown, unusable and empty names are refused with a list of the valid ones",
          "[selection]") {
  const std::vector<std::vector<std::string>> bad_backends = {
      {"LAMELLA_BACKEND=nonsense"}, {"LAMELLA_BACKEND=SIMD"},
      {"LAMELLA_BACKEND=scalar "},  {"LAMELLA_BACKEND="},
      {"REQUEST_NAME=nonsense"},    {"REQUEST_NAME=nonsense", "LAMELLA_BACKEND=scalar"}};
  for (const auto& environment : bad_backends) {
    const ChildResult child = run_with(environment);
    INFO(environment.front() << "\n" << child.output);
    CHECK_THAT(child.output, ContainsSubstring("refused: "));
    for (const char* valid : {"auto", "scalar", "simd", "openmp", "tbb"})
      CHECK_THAT(child.output, ContainsSubstring(valid));
  }
  for (const char* bad :
       {"LAMELLA_ISA=nonsense", "LAMELLA_ISA=AVX2", "LAMELLA_ISA=", "REQUEST_ISA=nonsense"}) {
    const ChildResult child = run_with({bad});
    INFO(bad << "\n" << child.output);
    CHECK_THAT(child.output, ContainsSubstring("refused: "));
    for (const IsaStatus& isa : list_isas()) CHECK_THAT(child.output, ContainsSubstring(isa.name));
  }
  for (const char* bad :
       {"LAMELLA_NUM_THREADS=0", "LAMELLA_NUM_THREADS=-1", "LAMELLA_NUM_THREADS=two",
        "LAMELLA_NUM_THREADS=2x",
        "LAMELLA_NUM_THREADS=", "LAMELLA_NUM_THREADS=99999999999999999999", "LAMELLA_VERBOSE=loud",
        "LAMELLA_ADAPTIVE_THREADS=2", "LAMELLA_ADAPTIVE_THREADS=", "REQUEST_THREADS=-1"}) {
    const ChildResult child = run_with({bad});
    INFO(bad << "\n" << child.output);
    CHECK_THAT(child.output, ContainsSubstring("refused: "));
  }
}

}  // namespace
}  // namespace lamella::test
