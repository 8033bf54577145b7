// The training log as JSON lines, each written before the next epoch begins.
#include "tools/lamella/io/epoch_log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include <lamella/error.h>

#include "core/base/output_target.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/report.h"

namespace lamella::cli {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw IoError(formatted("cannot write the log {}: {}", path.string(),
                          std::generic_category().message(errno)));
}

/// Where line `count`, from 1, ends in the file, or the last whole one if there are fewer.
std::int64_t end_of_line(const std::filesystem::path& path, index_t count) {
  std::int64_t end = 0;
  if (count == 0) return end;
  std::ifstream file(path, std::ios::binary);
  for (std::string line; count > 0 && std::getline(file, line) && !file.eof(); --count)
    end += std::ssize(line) + 1;
  return end;
}

}  // namespace

EpochLog::EpochLog(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.empty()) return;
  const detail::OutputTarget target = detail::find_output_target(path_);
  file_ = detail::open_in_place(target);
  // What stands before a descriptor's place is somebody else's (`>> file`).
  shared_ = target.method == detail::OutputMethod::descriptor;
}

void EpochLog::start(index_t kept) {
  if (!file_.open()) return;
  struct stat status = {};
  if (::fstat(file_.get(), &status) != 0) fail(path_);
  if (!S_ISREG(status.st_mode)) return;
  if (shared_)
    end_ = std::max<off_t>(::lseek(file_.get(), 0, SEEK_CUR), 0);
  else if (end_ = end_of_line(path_, kept);
           ::ftruncate(file_.get(), end_) != 0 || ::lseek(file_.get(), end_, SEEK_SET) < 0)
    fail(path_);
}

void EpochLog::write(const EpochReport& report) {
  if (!file_.open()) return;
  const std::string line = to_line(epoch_json(report)) + "\n";
  try {
    write_all(file_.get(), line, "the log " + path_.string());
  } catch (const IoError&) {
    (void)!::ftruncate(file_.get(), end_);
    file_.close();
    throw;
  }
  end_ += static_cast<std::int64_t>(line.size());
}

void EpochLog::close() {
  if (!file_.close()) fail(path_);
}

}  // namespace lamella::cli
