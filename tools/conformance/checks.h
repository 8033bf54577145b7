// The conformance checks: what every backend's kernels must do, each written once, for the test
// suite and for `lamella conformance`.
//
// A kernel of the list has its checks in checks/<kernel>.cpp. Not here: how the results are
// reported (check_context.h, Reporter).
#ifndef LAMELLA_TOOLS_CONFORMANCE_CHECKS_H_
#define LAMELLA_TOOLS_CONFORMANCE_CHECKS_H_

#include <span>
#include <string>
#include <vector>

#include "tools/conformance/check_context.h"

namespace lamella::conformance {

struct Check {
  const char* kernel;  ///< "gemm", "bias_add", ...; "plan", "use", "strides": all of them
  const char* name;    ///< what must hold, unique among the kernel's checks
  void (*f32)(CheckContext&);
  void (*f64)(CheckContext&);
};

enum class ElementType { f32, f64 };

/// All checks, those of a kernel together.
const std::vector<Check>& checks();

/// Runs one check on all `backends`. An exception, or fewer cases than the check expects, is
/// reported as a problem.
void run(const Check& check, ElementType type, std::span<const BackendUnderTest> backends,
         Reporter& reporter);

/// The checks of each kernel of the list: gemm_checks(), fused_gemm_checks() and so on.
#define LAMELLA_DECLARE_CHECKS(Operands, function, requirement, matrix) \
  std::vector<Check> function##_checks();
LAMELLA_FOR_EACH_KERNEL(LAMELLA_DECLARE_CHECKS)
#undef LAMELLA_DECLARE_CHECKS

/// The checks of plans, those of several threads or repeated calls, and those of strides of 0.
std::vector<Check> plan_checks();
std::vector<Check> use_checks();
std::vector<Check> strides_checks();

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_CHECKS_H_
