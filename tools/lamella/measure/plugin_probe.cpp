// What a child process finds out about a plugin, and how this process is kept tidy when it loads
// it.
#include "tools/lamella/measure/plugin_probe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <lamella/error.h>

#include "tools/lamella/io/format.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/io/text_table.h"
#include "tools/lamella/measure/child_process.h"

namespace lamella::cli {
namespace {

/// How long a plugin may take to load and to create its context. Drivers of devices take seconds.
std::chrono::milliseconds time_limit() {
  constexpr const char* kVariable = "LAMELLA_PLUGIN_TIMEOUT";
  constexpr int kSeconds = 30, kLongest = 24 * 3600;
  const char* value = std::getenv(kVariable);
  if (value == nullptr) return std::chrono::seconds(kSeconds);
  const std::string_view text = value;
  int seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || seconds < 1 ||
      seconds > kLongest)
    throw BackendError(formatted("{} is \"{}\"; it must be a number of seconds from 1 to {}",
                                 kVariable, text, kLongest));
  return std::chrono::seconds(seconds);
}

/// The name that make_backend() will take.
std::string name_of(const BackendRequest& request) {
  if (!request.name.empty()) return request.name;
  const char* name = std::getenv("LAMELLA_BACKEND");
  return name != nullptr ? name : "";
}

bool is_plugin(const std::string& name) {
  if (name.empty() || name == "auto") return false;
  for (const BackendStatus& builtin : list_builtin_backends())
    if (builtin.name == name) return false;
  return true;
}

/// What is said of a plugin, by name or path, that the process did not survive in which it was
/// tried.
std::string fatal(const std::string& name, const std::string& ended) {
  std::vector<std::string> files;
  if (name.find('/') == std::string::npos)
    for (const PluginFile& file : find_plugin_files().files)
      if (file.name == name) files.push_back(file.path);
  return formatted(
      "plugin {}{} was tried in a process of its own, which ended with {} before the "
      "plugin was ready",
      name, files.empty() ? "" : " (" + joined(files, " or ") + ")", ended);
}

/// What a child leaves.
struct Report {
  SharedError error;
  SharedText<256> name;
  SharedText<64> isa;
  int threads;
  SharedText<512> threads_limited_by;
  bool usable;
  SharedText<16384> reason;
};

enum class Verbosity { as_set, silent };

BackendInfo make_in_child(const BackendRequest& request, Verbosity verbosity) {
  const Shared<Report> report;
  const auto make = [&] {
    if (verbosity == Verbosity::silent) unsetenv("LAMELLA_VERBOSE");
    report->error.capture([&] {
      const auto backend = make_backend(request);
      const BackendInfo& info = backend->info();
      report->name = info.name;
      report->isa = info.isa;
      report->threads = info.threads;
      report->threads_limited_by = info.threads_limited_by;
    });
  };
  const std::string ended = run_in_child(make, {.limit = time_limit()});
  if (!ended.empty()) throw PluginError(fatal(name_of(request), ended));
  report->error.rethrow();
  return {report->name.get(), report->isa.get(), report->threads, report->threads_limited_by.get()};
}

BackendStatus status_in_child(const std::string& name) {
  const Shared<Report> report;
  const auto open = [&] {
    report->error.capture([&] {
      const BackendStatus status = plugin_status(name);
      report->reason = status.reason;
      report->usable = status.usable;
    });
  };
  const std::string ended = run_in_child(open, {.limit = time_limit()});
  if (ended.empty()) report->error.rethrow();
  BackendStatus status{name, false, report->usable, report->reason.get()};
  if (!ended.empty()) {
    status.usable = false;
    status.reason = fatal(name, ended);
  }
  return status;
}

/// Keeps what belongs to the whole process as it is while foreign code is loaded into it.
class TidyProcess {
 public:
  TidyProcess()
      : directory_(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        stdout_(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)),
        locale_(std::setlocale(LC_ALL, nullptr)),
        mask_(umask(0)) {
    umask(mask_);
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], nullptr, &actions_[i]);
    if (stdout_.open()) dup2(STDERR_FILENO, STDOUT_FILENO);
  }
  ~TidyProcess() {
    std::fflush(stdout);
    if (stdout_.open()) dup2(stdout_.get(), STDOUT_FILENO);
    if (directory_.open() && fchdir(directory_.get()) != 0)
      write_stderr("lamella: warning: a plugin has left the working directory for another\n");
    std::setlocale(LC_ALL, locale_.c_str());
    umask(mask_);
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &actions_[i], nullptr);
  }
  TidyProcess(const TidyProcess&) = delete;
  TidyProcess& operator=(const TidyProcess&) = delete;

 private:
  /// Those by which users stop a program. A plugin may need others for itself.
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

  Descriptor directory_, stdout_;
  std::string locale_;
  mode_t mask_;
  std::array<struct sigaction, kSignals.size()> actions_{};
};

}  // namespace

std::shared_ptr<const Backend> open_backend(const BackendRequest& request) {
  if (!is_plugin(name_of(request))) return make_backend(request);
  make_in_child(request, Verbosity::silent);
  const TidyProcess tidy;
  return make_backend(request);
}

BackendInfo probe_backend(const BackendRequest& request, Isolation isolation) {
  if (isolation == Isolation::plugins && !is_plugin(name_of(request)))
    return make_backend(request)->info();
  return make_in_child(request, Verbosity::as_set);
}

std::vector<BackendStatus> list_backends_isolated() {
  std::vector<BackendStatus> list = list_builtin_backends();
  const PluginFiles found = find_plugin_files();
  for (const std::string& problem : found.problems)
    write_stderr(formatted("lamella: warning: {}\n", printable(problem)));
  const std::string* last = nullptr;
  for (const PluginFile& file : found.files) {
    if (last == nullptr || *last != file.name) list.push_back(status_in_child(file.name));
    last = &file.name;
  }
  return list;
}

}  // namespace lamella::cli
