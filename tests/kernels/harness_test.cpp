// The suite's own instruments notice what they are there to notice.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::test {
namespace {

using namespace conformance;

/// Whether `access` ends the process with a fault; run in a process of its own.
template <class F>
bool faults(F access) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    access();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}

template <class T>
void read(const T* p) {
  static_cast<void>(*static_cast<const volatile T*>(p));
}

TEMPLATE_TEST_CASE("one element past either end of an operand faults", "[harness]", float, double) {
  for (Order order : kOrders)
    for (Shape shape : {Shape{1, 1}, {3, 5}}) {
      const Operand<TestType> ends(shape.rows, shape.cols, {order, 1, Placement::against_end, 0});
      const Operand<TestType> starts(shape.rows, shape.cols,
                                     {order, 1, Placement::against_start, 0});
      const TestType* last = &ends.view()(shape.rows - 1, shape.cols - 1);
      CHECK_FALSE(faults([&] { read(last); }));
      CHECK(faults([&] { read(last + 1); }));
      CHECK_FALSE(faults([&] { read(starts.view().data); }));
      CHECK(faults([&] { read(starts.view().data - 1); }));
    }
  const Operand<TestType> nothing(0, 5, {});
  CHECK(faults([&] { read(nothing.view().data); }));
}

TEMPLATE_TEST_CASE("a write to a read-only operand faults", "[harness]", float, double) {
  Operand<TestType> a(3, 4, {}, [](index_t, index_t) { return 1; });
  CHECK_FALSE(faults([&] { a.view()(1, 1) = 2; }));
  a.make_read_only();
  CHECK(faults([&] { a.view()(1, 1) = 2; }));
}

TEMPLATE_TEST_CASE("writes between elements and beside the buffer are noticed", "[harness]", float,
                   double) {
  for (Order order : {Order::rows, Order::columns, Order::general})
    for (index_t padding : {2, 3}) {
      const Layout layout{order, padding, Placement::against_end, 1};
      const Operand<TestType> a(4, 5, layout, [](index_t i, index_t j) { return i * j; });
      CHECK(a.stray_writes().empty());
      const View<TestType> v = a.view();
      TestType* gap = order == Order::rows      ? &v(0, 4) + 1
                      : order == Order::columns ? &v(3, 0) + 1
                                                : &v(0, 0) + 1;
      const TestType kept = *gap;
      *gap = 0;
      CHECK_FALSE(a.stray_writes().empty());
      *gap = kept;
      CHECK(a.stray_writes().empty());
      v.data[-1] = std::numeric_limits<TestType>::quiet_NaN();  // not the canary's NaN
      CHECK_FALSE(a.stray_writes().empty());
    }
  const Operand<TestType> misaligned(2, 2, {Order::rows, 0, Placement::against_end, 1});
  (&misaligned.view()(1, 1))[1] = 0;
  CHECK_FALSE(misaligned.stray_writes().empty());
}

TEMPLATE_TEST_CASE("memory outside a view holds NaN, also as arithmetic sees it", "[harness]",
                   float, double) {
  const Operand<TestType> a(2, 3, {Order::rows, 4, Placement::against_start, 1});
  CHECK(std::isnan(a.view().data[-1]));
  CHECK(std::isnan(a.view()(0, 0)));
  CHECK(std::isnan(a.view().data[3]));
}

TEMPLATE_TEST_CASE("comparisons tell apart what differs", "[harness]", float, double) {
  constexpr TestType kNan = std::numeric_limits<TestType>::quiet_NaN();
  const TestType got[] = {1, -TestType{0}, kNan};
  const ConstView<TestType> view = row_major(got, 1, 3);
  using Values = std::vector<TestType>;
  CHECK(different_bits(view, Values{1, -TestType{0}, -kNan}).empty());
  CHECK_FALSE(different_bits(view, Values{1, 0, kNan}).empty());
  CHECK(different_values(view, Values{1, 0, kNan}).empty());
  CHECK_FALSE(different_values(view, Values{1, 0, 0}).empty());
  CHECK_FALSE(different_values(view, Values{2, 0, kNan}).empty());
  CHECK_FALSE(different_values(view, Values{1, 0}).empty());
  CHECK(exceeds(view, Values{1.5, 0, kNan}, Values{0.5, 0, 0}).empty());
  CHECK_FALSE(exceeds(view, Values{1.5, 0, kNan}, Values{0.25, 0, 0}).empty());
  CHECK_FALSE(exceeds(view, Values{1, 0, 0}, Values{9, 9, 9}).empty());  // NaN is not near 0
  CHECK_FALSE(exceeds(view, Values{kNan, 0, kNan}, Values{9, 9, 9}).empty());
  const TestType infinite[] = {std::numeric_limits<TestType>::infinity()};
  const ConstView<TestType> one = row_major(infinite, 1, 1);
  CHECK(exceeds(one, Values{infinite[0]}, Values{0}).empty());
  CHECK_FALSE(exceeds(one, Values{std::numeric_limits<TestType>::max()}, Values{1}).empty());
}

TEMPLATE_TEST_CASE("ulp is the distance of neighbouring numbers", "[harness]", float, double) {
  for (TestType x : {TestType{1}, TestType{1.5}, TestType{0.1f}, TestType{1e-30f}})
    CHECK(ulp<TestType>(x) == static_cast<long double>(std::nextafter(x, TestType{2} * x)) -
                                  static_cast<long double>(x));
  CHECK(ulp<TestType>(0) == std::numeric_limits<TestType>::denorm_min());
  CHECK(ulp<TestType>(std::numeric_limits<long double>::infinity()) == 0);
  CHECK(ulp<TestType>(std::numeric_limits<long double>::quiet_NaN()) == 0);
}

/// Keeps the problems that are reported.
struct Notes final : Reporter {
  void trying(const std::string& what) override { last_tried = what; }
  void result(const std::string& what, const std::string& problem) override {
    if (!problem.empty()) problems.push_back(what + ": " + problem);
  }
  std::string last_tried;
  std::vector<std::string> problems;
};

TEST_CASE("a check that leaves out cases, throws, or fails without end is reported", "[harness]") {
  const std::vector<BackendUnderTest> backends = {{"no_backend", nullptr}};
  const auto run_without_backend = [&](void (*body)(CheckContext&)) {
    Notes notes;
    run({"gemm", "sample", body, nullptr}, ElementType::f32, backends, notes);
    return notes.problems;
  };
  using Problems = std::vector<std::string>;
  CHECK(run_without_backend([](CheckContext& context) {
          context(context.backends()[0], "a case", "");
        }).empty());
  CHECK(run_without_backend([](CheckContext&) {}) ==
        Problems{"sample: only 0 cases were tried, of 1"});
  CHECK(run_without_backend([](CheckContext& context) {
          context(context.backends()[0], "a case", "");
          context.expect_cases(2);
        }) == Problems{"sample: only 1 cases were tried, of 2"});
  CHECK(run_without_backend([](CheckContext& context) {
          context.begin(context.backends()[0], "a case");
          throw std::runtime_error("why");
        }) == Problems{"no_backend: a case: threw: why"});
  CHECK(run_without_backend([](CheckContext& context) {
          for (;;) context(context.backends()[0], "a case", "wrong");
        }).size() == 10);
}

}  // namespace
}  // namespace lamella::test
