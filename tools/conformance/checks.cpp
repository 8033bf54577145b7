// The list of checks, and how one is run.
#include "tools/conformance/checks.h"

#include <exception>

namespace lamella::conformance {

const std::vector<Check>& checks() {
  static const std::vector<Check> all = [] {
    std::vector<Check> list;
    const auto add = [&](const std::vector<Check>& checks) {
      list.insert(list.end(), checks.begin(), checks.end());
    };
#define LAMELLA_ADD_CHECKS(Operands, function, requirement, matrix) add(function##_checks());
    LAMELLA_FOR_EACH_KERNEL(LAMELLA_ADD_CHECKS)
#undef LAMELLA_ADD_CHECKS
    add(plan_checks());
    add(use_checks());
    add(strides_checks());
    return list;
  }();
  return all;
}

void run(const Check& check, ElementType type, std::span<const BackendUnderTest> backends,
         Reporter& reporter) {
  CheckContext context(backends, reporter);
  try {
    (type == ElementType::f32 ? check.f32 : check.f64)(context);
    if (context.cases() < context.least())
      reporter.result(check.name, "only " + std::to_string(context.cases()) +
                                      " cases were tried, of " + std::to_string(context.least()));
  } catch (const CheckContext::GaveUp&) {
    // Its failures have been reported already.
  } catch (const std::exception& error) {
    reporter.result(context.current(), std::string("threw: ") + error.what());
  }
}

}  // namespace lamella::conformance
