// Programs that fork: a child computes too, although its parent's threads are not in it.
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include <lamella/cblas.h>

#include "tests/catch.h"

namespace {

/// A product large enough for all threads; whether it is right.
bool multiply() {
  constexpr int n = 300;
  const std::vector<double> a(n * n, 1);
  std::vector<double> c(n * n);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, a.data(), n, 0,
              c.data(), n);
  return c == std::vector<double>(n * n, n);
}

}  // namespace

// Hidden from plain runs: sanitizers do not like it. The alarm ends a child that hangs.
TEST_CASE("parent and child of a fork compute", "[.fork]") {
  REQUIRE(multiply());
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(60);
    const bool first = multiply(), second = multiply();
    _exit(first && second ? 0 : 1);
  }
  CHECK(multiply());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
