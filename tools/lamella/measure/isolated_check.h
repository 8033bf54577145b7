// Conformance checks in processes of their own: a kernel that writes where it must not ends the
// check's process, and not the report.
#ifndef LAMELLA_TOOLS_LAMELLA_MEASURE_ISOLATED_CHECK_H_
#define LAMELLA_TOOLS_LAMELLA_MEASURE_ISOLATED_CHECK_H_

#include <functional>
#include <string>
#include <vector>

#include <lamella/backend.h>
#include <lamella/backend_selection.h>

#include "tools/conformance/checks.h"

namespace lamella::cli {

struct CheckProblem {
  std::string type;     ///< "f32" or "f64"
  std::string where;    ///< the case: shapes, layouts, factors
  std::string problem;  ///< which element is what, and what was expected
};

/// What a check found, for both element types together.
struct CheckResult {
  int cases = 0;
  int failures = 0;
  std::vector<CheckProblem> problems;  ///< the first few failures
  /// Empty, or how the process ended before the check did. The last of `problems` says where.
  std::string ended;

  bool passed() const { return failures == 0 && ended.empty() && cases > 0; }
};

/// Told several times a second, while a check runs, which type it is at and how many cases are
/// done.
using CheckProgress = std::function<void(const std::string& type, int cases)>;

/// Runs a check on the backend of that request in a child process. The caller must not have
/// started threads. Throws IoError if there can be no process.
CheckResult run_isolated(const conformance::Check& check, const BackendRequest& request,
                         const CheckProgress& progress = nullptr);

/// The same in this process, which a fault then ends: for debuggers. Throws as make_backend().
CheckResult run_here(const conformance::Check& check, const BackendRequest& request);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_MEASURE_ISOLATED_CHECK_H_
