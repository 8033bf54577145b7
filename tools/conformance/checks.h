// The conformance checks: what every backend's kernels must do, each written once, for the test
// suite and for `lamella conformance`.
//
// Not here: who reports them, and how (check_context.h: Reporter).
#ifndef LAMELLA_TOOLS_CONFORMANCE_CHECKS_H_
#define LAMELLA_TOOLS_CONFORMANCE_CHECKS_H_

#include <span>
#include <string>
#include <vector>

#include "tools/conformance/check_context.h"

namespace lamella::conformance {

struct Check {
  const char* kernel;  ///< "gemm", "bias_add", ...; "plan" and "use" are about all of them
  const char* name;    ///< what must hold, unique among the kernel's checks
  void (*f32)(CheckContext&);
  void (*f64)(CheckContext&);
};

enum class ElementType { f32, f64 };

/// All checks, those of a kernel together.
const std::vector<Check>& checks();

/// Runs one check on all subjects. An exception that it meets, and cases that it left out, are
/// reported as problems.
void run(const Check& check, ElementType type, std::span<const BackendUnderTest> subjects,
         Reporter& reporter);

// The families, one file of checks/ each.
std::vector<Check> gemm_exact_checks();
std::vector<Check> gemm_rounding_checks();
std::vector<Check> gemm_special_checks();
std::vector<Check> fused_gemm_checks();
std::vector<Check> bias_add_checks();
std::vector<Check> softmax_checks();
std::vector<Check> outer_product_checks();
std::vector<Check> activate_checks();
std::vector<Check> activate_backward_checks();
std::vector<Check> softmax_nll_checks();
std::vector<Check> column_sums_checks();
std::vector<Check> sgd_update_checks();
std::vector<Check> adam_update_checks();
std::vector<Check> gather_bytes_checks();
std::vector<Check> plan_checks();
std::vector<Check> use_checks();

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_CHECKS_H_
