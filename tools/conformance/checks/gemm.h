// The checks of gemm, which fill three files.
#ifndef LAMELLA_TOOLS_CONFORMANCE_CHECKS_GEMM_H_
#define LAMELLA_TOOLS_CONFORMANCE_CHECKS_GEMM_H_

#include <vector>

#include "tools/conformance/checks.h"

namespace lamella::conformance {

std::vector<Check> gemm_exact_checks();
std::vector<Check> gemm_rounding_checks();
std::vector<Check> gemm_special_checks();

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_CHECKS_GEMM_H_
