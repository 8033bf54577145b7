// The checks of tools/conformance, run on every subject; one test case a kernel, one section a
// check and type.
#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "tests/catch.h"
#include "tests/kernels/subjects.h"
#include "tools/conformance/checks.h"

namespace lamella::test {
namespace {

using conformance::Check;
using conformance::ElementType;

/// One assertion a case.
class Asserting final : public conformance::Reporter {
 public:
  void trying(const std::string&) override {}
  void result(const std::string& what, const std::string& problem) override {
    INFO(what);
    INFO(problem);
    CHECK(problem.empty());
  }
};

constexpr std::array kKernels = {"gemm",          "fused_gemm", "bias_add",          "softmax",
                                 "outer_product", "activate",   "activate_backward", "softmax_nll",
                                 "column_sums",   "sgd_update", "adam_update",       "gather_bytes",
                                 "plan",          "use"};

void conform(const std::string& kernel) {
  for (const Check& check : conformance::checks()) {
    if (check.kernel != kernel) continue;
    for (ElementType type : {ElementType::f32, ElementType::f64})
      DYNAMIC_SECTION(check.name << (type == ElementType::f32 ? ", float" : ", double")) {
        Asserting reporter;
        conformance::run(check, type, subjects(), reporter);
      }
  }
}

TEST_CASE("gemm", "[gemm]") { conform("gemm"); }
TEST_CASE("fused_gemm", "[fused_gemm]") { conform("fused_gemm"); }
TEST_CASE("bias_add", "[bias_add]") { conform("bias_add"); }
TEST_CASE("softmax", "[softmax]") { conform("softmax"); }
TEST_CASE("outer_product", "[outer_product]") { conform("outer_product"); }
TEST_CASE("activate", "[activate]") { conform("activate"); }
TEST_CASE("activate_backward", "[activate_backward]") { conform("activate_backward"); }
TEST_CASE("softmax_nll", "[softmax_nll]") { conform("softmax_nll"); }
TEST_CASE("column_sums", "[column_sums]") { conform("column_sums"); }
TEST_CASE("sgd_update", "[sgd_update]") { conform("sgd_update"); }
TEST_CASE("adam_update", "[adam_update]") { conform("adam_update"); }
TEST_CASE("gather_bytes", "[gather_bytes]") { conform("gather_bytes"); }
TEST_CASE("plan", "[plan]") { conform("plan"); }
TEST_CASE("use", "[use]") { conform("use"); }

TEST_CASE("every check belongs to a test case, and has a name of its own", "[harness]") {
  std::set<std::string> names, kernels;
  for (const Check& check : conformance::checks()) {
    INFO(check.kernel << " " << check.name);
    CHECK(std::find(kKernels.begin(), kKernels.end(), std::string(check.kernel)) != kKernels.end());
    CHECK(names.insert(std::string(check.kernel) + " " + check.name).second);
    CHECK(check.f32 != check.f64);
    kernels.insert(check.kernel);
  }
  CHECK(kernels.size() == kKernels.size());
}

}  // namespace
}  // namespace lamella::test
