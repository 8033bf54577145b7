// The checks of tools/conformance on every backend under test. A kernel is a test case, and each of
// its checks is a section for float and one for double.
#include <set>
#include <string>

#include "tests/catch.h"
#include "tests/kernels/backends_under_test.h"
#include "tests/minimal_backend.h"
#include "tools/conformance/checks.h"
#include "tools/conformance/workload.h"

namespace lamella::test {
namespace {

using conformance::Check;
using conformance::ElementType;

/// Makes one assertion for each case.
class Asserting final : public conformance::Reporter {
 public:
  void trying(const std::string&) override {}
  void result(const std::string& what, const std::string& problem) override {
    INFO(what);
    INFO(problem);
    CHECK(problem.empty());
  }
};

void conform(const std::string& kernel) {
  for (const Check& check : conformance::checks()) {
    if (check.kernel != kernel) continue;
    for (ElementType type : {ElementType::f32, ElementType::f64})
      DYNAMIC_SECTION(check.name << (type == ElementType::f32 ? ", float" : ", double")) {
        Asserting reporter;
        conformance::run(check, type, backends_under_test(), reporter);
      }
  }
}

#define LAMELLA_TEST_KERNEL(Operands, function, requirement, matrix) \
  TEST_CASE(#function, "[" #function "]") { conform(#function); }
LAMELLA_FOR_EACH_KERNEL(LAMELLA_TEST_KERNEL)
#undef LAMELLA_TEST_KERNEL
TEST_CASE("plan", "[plan]") { conform("plan"); }
TEST_CASE("use", "[use]") { conform("use"); }
TEST_CASE("strides", "[strides]") { conform("strides"); }

TEST_CASE("every kernel has checks, each with a name of its own", "[harness]") {
  std::set<std::string> names, kernels;
  for (const Check& check : conformance::checks()) {
    INFO(check.kernel << " " << check.name);
    CHECK(names.insert(std::string(check.kernel) + " " + check.name).second);
    CHECK(check.f32 != check.f64);
    kernels.insert(check.kernel);
  }
  std::set<std::string> expected = {"plan", "use", "strides"};
#define LAMELLA_EXPECT(Operands, function, requirement, matrix) expected.insert(#function);
  LAMELLA_FOR_EACH_KERNEL(LAMELLA_EXPECT)
#undef LAMELLA_EXPECT
  CHECK(kernels == expected);
}

TEST_CASE("the workload of the determinism tests calls every kernel", "[harness]") {
  std::set<std::string> called, expected;
  conformance::run_workload<float>(*make_minimal_backend(), 1, conformance::Extent::brief,
                                   [&](const std::string& kernel) { called.insert(kernel); });
#define LAMELLA_EXPECT(Operands, function, requirement, matrix) expected.insert(#function);
  LAMELLA_FOR_EACH_KERNEL(LAMELLA_EXPECT)
#undef LAMELLA_EXPECT
  CHECK(called == expected);
}

}  // namespace
}  // namespace lamella::test
