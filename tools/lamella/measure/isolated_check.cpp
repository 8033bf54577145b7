// What a check found, in memory that the child process which runs it shares with its parent, so
// that nothing is lost however the child ends.
#include "tools/lamella/measure/isolated_check.h"

#include <array>
#include <memory>

#include "tools/lamella/io/format.h"
#include "tools/lamella/measure/child_process.h"

namespace lamella::cli {
namespace {

constexpr int kKept = 5;  // problems of each type that are reported in full

struct Kept {
  SharedText<8> type;
  SharedText<1024> where, problem;
};

struct Report {
  SharedError error;  // of make_backend
  int cases, failures, kept;
  Kept problems[2 * kKept];
  SharedText<8> type;
  SharedText<1024> trying;
};

class ReportSink final : public conformance::Reporter {
 public:
  explicit ReportSink(Report& report) : report_(report) {}

  void begin(const char* type) {
    report_.type = type;
    report_.trying = "before the first case";
    kept_ = 0;
  }
  void trying(const std::string& what) override { report_.trying = what; }
  void result(const std::string& what, const std::string& problem) override {
    ++report_.cases;
    if (problem.empty()) return;
    ++report_.failures;
    if (kept_ == kKept) return;
    ++kept_;
    Kept& kept = report_.problems[report_.kept];
    kept.type = report_.type.get();
    kept.where = what;
    kept.problem = problem;
    ++report_.kept;
  }

 private:
  Report& report_;
  int kept_ = 0;
};

/// Makes the backend and runs the check on it.
void work(const conformance::Check& check, const BackendRequest& request, Report& report) {
  report.error.capture([&] {
    const auto backend = make_backend(request);
    const std::array backends = {conformance::BackendUnderTest{backend->info().name, backend}};
    ReportSink reporter(report);
    reporter.begin("f32");
    conformance::run(check, conformance::ElementType::f32, backends, reporter);
    reporter.begin("f64");
    conformance::run(check, conformance::ElementType::f64, backends, reporter);
  });
}

CheckResult result_of(const Report& report) {
  CheckResult result;
  result.cases = report.cases;
  result.failures = report.failures;
  for (int i = 0; i < report.kept; ++i) {
    const Kept& kept = report.problems[i];
    result.problems.push_back({kept.type.get(), kept.where.get(), kept.problem.get()});
  }
  return result;
}

}  // namespace

CheckResult run_isolated(const conformance::Check& check, const BackendRequest& request,
                         const CheckProgress& progress) {
  const Shared<Report> report;
  const auto tick = [&] {
    if (progress) progress(report->type.get(), report->cases);
  };
  const std::string ended = run_in_child([&] { work(check, request, *report); }, {.tick = tick});
  if (ended.empty()) report->error.rethrow();
  CheckResult result = result_of(*report);
  result.ended = ended;
  if (!ended.empty())
    result.problems.push_back({report->type.get(), report->trying.get(),
                               formatted("the process ended here: {}", result.ended)});
  return result;
}

CheckResult run_here(const conformance::Check& check, const BackendRequest& request) {
  const Shared<Report> report;
  work(check, request, *report);
  report->error.rethrow();
  return result_of(*report);
}

}  // namespace lamella::cli
