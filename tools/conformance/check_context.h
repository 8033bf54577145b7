// What a check is given: the backends to try, and the reporter for its results.
#ifndef LAMELLA_TOOLS_CONFORMANCE_CHECK_CONTEXT_H_
#define LAMELLA_TOOLS_CONFORMANCE_CHECK_CONTEXT_H_

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <lamella/backend.h>

namespace lamella::conformance {

/// A backend under test.
struct BackendUnderTest {
  std::string label;  ///< "openmp/avx2/2": backend, instruction set, threads
  std::shared_ptr<const Backend> backend;
};

/// Receives what the checks find.
class Reporter {
 public:
  virtual ~Reporter() = default;
  /// A kernel is about to be called on this case: if the process ends now, this call has ended it.
  virtual void trying(const std::string& what) = 0;
  /// The case is done. An empty `problem` means that it passed.
  virtual void result(const std::string& what, const std::string& problem) = 0;
};

/// Passes a check's cases on to a reporter, and counts them.
class CheckContext {
 public:
  /// Thrown out of a check that has failed ten times, so that a kernel that is wrong in all cases
  /// does not fill the report.
  struct GaveUp {};

  CheckContext(std::span<const BackendUnderTest> backends, Reporter& reporter)
      : backends_(backends), reporter_(reporter) {}

  std::span<const BackendUnderTest> backends() const { return backends_; }

  /// Call before every kernel that the case `what` calls.
  void begin(const BackendUnderTest& tested, const std::string& what) {
    current_ = tested.label + ": " + what;
    reporter_.trying(current_);
  }
  /// The verdict on a case: `problem` as the functions of compare.h return it.
  void operator()(const BackendUnderTest& tested, const std::string& what,
                  const std::string& problem) {
    reporter_.result(tested.label + ": " + what, problem);
    ++cases_;
    if (!problem.empty() && ++failures_ == 10) throw GaveUp{};
  }
  /// The result of a case that has none to compare: it was survived, without a fault or exception.
  void survived(const BackendUnderTest& tested, const std::string& what) {
    (*this)(tested, what, "");
  }
  /// The check fails if it tries fewer cases than this.
  void expect_cases(int least) { least_ = least; }

  const std::string& current() const { return current_; }
  int cases() const { return cases_; }
  int least() const { return least_; }

 private:
  std::span<const BackendUnderTest> backends_;
  Reporter& reporter_;
  std::string current_ = "before the first case";
  int cases_ = 0;
  int failures_ = 0;
  int least_ = 1;
};

/// The first of several problems.
inline std::string first_of(std::initializer_list<std::string> problems) {
  for (const std::string& problem : problems)
    if (!problem.empty()) return problem;
  return "";
}

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_CHECK_CONTEXT_H_
