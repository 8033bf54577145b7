// Checked writing to standard streams and to files that appear whole or not at all.
#include "tools/lamella/io/streams.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <random>
#include <system_error>
#include <utility>

#include <lamella/error.h>

#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace fs = std::filesystem;
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(const std::string& what, const std::string& name, int error) {
  throw IoError(formatted("{} {}: {}", what, name, reason(error)));
}

fs::path directory_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// The file that a chain of symbolic links ends at, whether it exists or not, so that a rename
/// replaces it and not the link.
fs::path followed(fs::path path) {
  constexpr int kMostLinks = 40;  // as the kernel has it
  std::error_code error;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, error); ++i) {
    const fs::path target = fs::read_symlink(path, error);
    if (error) break;
    path = directory_of(path) / target;  // target alone if that is absolute
  }
  fs::path canonical = fs::weakly_canonical(path, error);
  return error ? path : canonical;
}

/// Returns the number of bytes that are left after an error, whose number stays in errno.
std::size_t write_until_error(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return text.size();
}

}  // namespace

void prepare_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // Opened the wrong way round on purpose: using it still fails, as it should.
    (void)!::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  }
}

void write_stdout(std::string_view text) { write_all(STDOUT_FILENO, text, "standard output"); }

void write_stderr(std::string_view text) noexcept { write_until_error(STDERR_FILENO, text); }

void write_stderr(std::initializer_list<std::string_view> pieces) noexcept {
  // Together in one write, so that lines of other processes do not come between them.
  std::array<char, 2048> buffer;
  std::size_t filled = 0;
  for (std::string_view piece : pieces)
    while (!piece.empty()) {
      const std::size_t part = piece.copy(buffer.data() + filled, buffer.size() - filled);
      filled += part;
      piece.remove_prefix(part);
      if (filled < buffer.size()) continue;
      write_stderr(std::string_view(buffer.data(), filled));
      filled = 0;
    }
  write_stderr(std::string_view(buffer.data(), filled));
}

void write_all(int fd, std::string_view text, const std::string& name) {
  if (write_until_error(fd, text) != 0) fail("cannot write to", name, errno);
}

void check_file_target(const fs::path& path) {
  const fs::path target = followed(path);
  struct stat status = {};
  if (::stat(target.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) fail("cannot write", path, EISDIR);
    if (!S_ISREG(status.st_mode)) {
      if (::access(target.c_str(), W_OK) != 0) fail("cannot write", path, errno);
      return;
    }
  }
  const fs::path directory = directory_of(target);
  if (::stat(directory.c_str(), &status) != 0) fail("cannot use directory", directory, errno);
  if (!S_ISDIR(status.st_mode)) fail("cannot use directory", directory, ENOTDIR);
  if (::access(directory.c_str(), W_OK | X_OK) != 0) fail("cannot write in", directory, errno);
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return followed(a) == followed(b) || fs::equivalent(a, b, error);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() { close(); }

bool Descriptor::close() noexcept { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

OutputFile::OutputFile(fs::path path) : path_(std::move(path)) {
  if (path_.empty()) return;
  const fs::path target = followed(path_);
  struct stat status = {};
  if (::stat(target.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) fail("cannot write", name(), EISDIR);
    if (!S_ISREG(status.st_mode)) {
      file_ = Descriptor(::open(target.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
      if (!file_.open()) fail("cannot write", name(), errno);
      return;
    }
  }
  // A random name: process numbers recur in containers, and a crash may have left one behind.
  fs::path temporary =
      directory_of(target) /
      formatted(".{}.{:08x}.tmp", target.filename().string(), std::random_device{}());
  file_ = Descriptor(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file_.open()) fail("cannot write", name(), errno);
  temporary_ = std::move(temporary);
  if (S_ISREG(status.st_mode)) ::fchmod(file_.get(), status.st_mode & 07777);
  path_ = target;
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

std::string OutputFile::name() const { return path_.empty() ? "standard output" : path_.string(); }

void OutputFile::write(std::string_view text) {
  write_all(path_.empty() ? STDOUT_FILENO : file_.get(), text, name());
}

void OutputFile::commit() {
  if (path_.empty()) return;
  if (temporary_.empty()) {
    if (!file_.close()) fail("cannot write", name(), errno);
    return;
  }
  if (::fsync(file_.get()) != 0 || !file_.close()) fail("cannot write", name(), errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot write", name(), errno);
  temporary_.clear();
}

}  // namespace lamella::cli
