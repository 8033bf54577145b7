// One assertion for each case, up to ten failures.
#ifndef LAMELLA_TESTS_KERNELS_CHECK_BACKENDS_H_
#define LAMELLA_TESTS_KERNELS_CHECK_BACKENDS_H_

#include <string>

#include "tests/catch.h"
#include "tests/kernels/backends_under_test.h"

namespace lamella::test {

/// Asserts that problems, as the functions of tools/conformance return them, are empty. `what`
/// names the case. Gives up after ten failures.
class CheckContext {
 public:
  void operator()(const std::string& what, const std::string& problem) {
    INFO(what);
    INFO(problem);
    CHECK(problem.empty());
    ++cases_;
    if (!problem.empty() && ++failures_ == 10) FAIL("giving up after ten failures");
  }
  void operator()(const BackendUnderTest& tested, const std::string& what,
                  const std::string& problem) {
    (*this)(tested.label + ": " + what, problem);
  }
  /// Cases checked so far; a test that checks none has tested nothing.
  int cases() const { return cases_; }

 private:
  int cases_ = 0;
  int failures_ = 0;
};

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_KERNELS_CHECK_BACKENDS_H_
