// The checks of gemm as one list.
#include "tools/conformance/checks/gemm.h"

namespace lamella::conformance {

std::vector<Check> gemm_checks() {
  std::vector<Check> all = gemm_exact_checks();
  for (const auto& more : {gemm_rounding_checks(), gemm_special_checks()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace lamella::conformance
