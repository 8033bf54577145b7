// Prints which backends are under test and which are left out, so that a run shows what it covers.
#include "tests/kernels/backends_under_test.h"

#include <cstdio>
#include <cstdlib>

#include <lamella/backend_selection.h>

#include "tests/catch.h"

namespace lamella::test {
namespace {

TEST_CASE("the backends asked for are usable and tested", "[backends]") {
  for (const std::string& line : left_out()) std::printf("skipped: %s\n", line.c_str());
  for (const BackendUnderTest& tested : backends_under_test()) {
    std::printf("under test: %s\n", tested.label.c_str());
    CHECK(tested.backend != nullptr);
  }
  std::fflush(stdout);
  CHECK_FALSE(backends_under_test().empty());
  const char* wanted = std::getenv("LAMELLA_TEST_BACKEND");
  if (wanted != nullptr && *wanted != '\0')
    for (const BackendUnderTest& tested : backends_under_test())
      CHECK(tested.backend->info().name == wanted);
}

TEST_CASE("every usable instruction set of a vector backend is tested", "[backends]") {
  for (const std::string& name : names_under_test()) {
    if (name != "simd" && name != "openmp" && name != "tbb") continue;
    for (const IsaStatus& isa : list_isas()) {
      if (!isa.usable) continue;
      INFO(name << "/" << isa.name);
      int found = 0;
      for (const BackendUnderTest& tested : backends_under_test())
        if (tested.backend->info().name == name && tested.backend->info().isa == isa.name) ++found;
      CHECK(found > 0);
    }
  }
}

}  // namespace
}  // namespace lamella::test
