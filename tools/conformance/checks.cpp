// The list of checks, and how one is run.
#include "tools/conformance/checks.h"

#include <exception>

namespace lamella::conformance {

const std::vector<Check>& checks() {
  static const std::vector<Check> all = [] {
    std::vector<Check> list;
    for (const auto& family :
         {gemm_exact_checks, gemm_rounding_checks, gemm_special_checks, fused_gemm_checks,
          bias_add_checks, softmax_checks, outer_product_checks, activate_checks,
          activate_backward_checks, softmax_nll_checks, column_sums_checks, sgd_update_checks,
          adam_update_checks, gather_bytes_checks, plan_checks, use_checks})
      for (const Check& check : family()) list.push_back(check);
    return list;
  }();
  return all;
}

void run(const Check& check, ElementType type, std::span<const BackendUnderTest> subjects,
         Reporter& reporter) {
  CheckContext context(subjects, reporter);
  try {
    (type == ElementType::f32 ? check.f32 : check.f64)(context);
    if (context.cases() < context.least())
      reporter.result(check.name, "only " + std::to_string(context.cases()) +
                                      " cases were tried, of " + std::to_string(context.least()));
  } catch (const CheckContext::GaveUp&) {
    // All that was to be said has been.
  } catch (const std::exception& error) {
    reporter.result(context.current(), std::string("threw: ") + error.what());
  }
}

}  // namespace lamella::conformance
