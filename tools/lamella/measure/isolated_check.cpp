// fork(), and a page of memory in which the child leaves what the parent wants to know.
//
// The memory is shared from the start, so that nothing is lost however the child ends.
#include "tools/lamella/measure/isolated_check.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>

#include <lamella/error.h>

#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace {

/// A string of fixed size, that a process may die writing.
template <std::size_t size>
struct Text {
  std::array<char, size> chars;

  Text& operator=(std::string_view text) {
    const std::size_t length = std::min(text.size(), size - 1);
    chars[length] = '\0';
    std::memcpy(chars.data(), text.data(), length);
    return *this;
  }
  std::string get() const { return {chars.data(), strnlen(chars.data(), size)}; }
};

constexpr int kKept = 5;  // problems of each type that are reported in full

struct Kept {
  Text<8> type;
  Text<1024> where, problem;
};

enum class Error { none, backend, plugin, other };

struct Report {
  bool finished;
  Error error;  // of make_backend
  Text<16384> error_text;
  Text<128> name, isa;
  int threads;
  Text<512> threads_limited_by;
  int cases, failures, kept;
  Kept problems[2 * kKept];
  Text<8> type;
  Text<1024> trying;
};
static_assert(std::is_trivially_copyable_v<Report>);

/// Zeroed memory that a child process writes and its parent reads.
class SharedReport {
 public:
  SharedReport()
      : memory_(mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~SharedReport() { munmap(memory_, sizeof(Report)); }
  SharedReport(const SharedReport&) = delete;
  SharedReport& operator=(const SharedReport&) = delete;

  Report& operator*() const { return *static_cast<Report*>(memory_); }
  Report* operator->() const { return &**this; }

 private:
  void* memory_;
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

/// Makes the backend and runs the check on it; one that is null is not run.
void work(const conformance::Check* check, const BackendRequest& request, Report& report) {
  std::shared_ptr<const Backend> backend;
  try {
    backend = make_backend(request);
  } catch (const PluginError& error) {
    report.error = Error::plugin;
    report.error_text = error.what();
    return;
  } catch (const BackendError& error) {
    report.error = Error::backend;
    report.error_text = error.what();
    return;
  } catch (const std::exception& error) {
    report.error = Error::other;
    report.error_text = error.what();
    return;
  }
  const BackendInfo& info = backend->info();
  report.name = info.name;
  report.isa = info.isa;
  report.threads = info.threads;
  report.threads_limited_by = info.threads_limited_by;
  if (check == nullptr) return;

  const std::array backends = {conformance::BackendUnderTest{info.name, backend}};
  ReportSink reporter(report);
  reporter.begin("f32");
  conformance::run(*check, conformance::ElementType::f32, backends, reporter);
  reporter.begin("f64");
  conformance::run(*check, conformance::ElementType::f64, backends, reporter);
}

/// Runs `work` in a child. Returns how it ended: empty if as it should.
std::string run_child(const conformance::Check* check, const BackendRequest& request,
                      const SharedReport& report) {
  std::fflush(nullptr);  // what is buffered is the parent's to write
  const pid_t child = fork();
  if (child < 0) throw IoError(formatted("cannot start a process: {}", std::strerror(errno)));
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);  // a fault is a finding here, and not a reason to fill disks
    work(check, request, *report);
    report->finished = true;
    std::fflush(nullptr);  // what a plugin printed
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw IoError(formatted("cannot wait: {}", std::strerror(errno)));
  if (WIFSIGNALED(status))
    return formatted("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  if (!report->finished || WEXITSTATUS(status) != 0)
    return formatted("exit code {}", WEXITSTATUS(status));
  return {};
}

void rethrow(const Report& report) {
  const std::string text = report.error_text.get();
  switch (report.error) {
    case Error::none:
      return;
    case Error::backend:
      throw BackendError(text);
    case Error::plugin:
      throw PluginError(text);
    case Error::other:
      throw lamella::Error(text);
  }
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

BackendInfo probe_backend(const BackendRequest& request) {
  const SharedReport report;
  const std::string ended = run_child(nullptr, request, report);
  if (!ended.empty())
    throw lamella::Error(formatted("the process ended while the backend was made: {}", ended));
  rethrow(*report);
  return {report->name.get(), report->isa.get(), report->threads, report->threads_limited_by.get()};
}

CheckResult run_isolated(const conformance::Check& check, const BackendRequest& request) {
  const SharedReport report;
  const std::string ended = run_child(&check, request, report);
  if (ended.empty()) rethrow(*report);
  CheckResult result = result_of(*report);
  result.ended = ended;
  if (!ended.empty())
    result.problems.push_back({report->type.get(), report->trying.get(),
                               formatted("the process ended here: {}", result.ended)});
  return result;
}

CheckResult run_here(const conformance::Check& check, const BackendRequest& request) {
  const SharedReport report;
  work(&check, request, *report);
  rethrow(*report);
  return result_of(*report);
}

}  // namespace lamella::cli
