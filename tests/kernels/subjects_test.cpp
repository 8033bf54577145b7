// What is under test, and what is not: printed, so that nobody mistakes the one for the other.
#include "tests/kernels/subjects.h"

#include <cstdio>
#include <cstdlib>

#include <lamella/backend_selection.h>

#include "tests/catch.h"

namespace lamella::test {
namespace {

TEST_CASE("the backends asked for are usable and tested", "[subjects]") {
  for (const std::string& line : left_out()) std::printf("skipped: %s\n", line.c_str());
  for (const BackendUnderTest& subject : subjects()) {
    std::printf("under test: %s\n", subject.label.c_str());
    CHECK(subject.backend != nullptr);
  }
  std::fflush(stdout);
  CHECK_FALSE(subjects().empty());
  const char* wanted = std::getenv("LAMELLA_TEST_BACKEND");
  if (wanted != nullptr && *wanted != '\0')
    for (const BackendUnderTest& subject : subjects())
      CHECK(subject.backend->info().name == wanted);
}

TEST_CASE("every usable instruction set of a vector backend is tested", "[subjects]") {
  for (const std::string& name : backends_under_test()) {
    if (name != "simd" && name != "openmp" && name != "tbb") continue;
    for (const IsaStatus& isa : list_isas()) {
      if (!isa.usable) continue;
      INFO(name << "/" << isa.name);
      int tested = 0;
      for (const BackendUnderTest& subject : subjects())
        if (subject.backend->info().name == name && subject.backend->info().isa == isa.name)
          ++tested;
      CHECK(tested > 0);
    }
  }
}

}  // namespace
}  // namespace lamella::test
