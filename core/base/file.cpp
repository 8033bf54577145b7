// Files by POSIX calls; see file.h.
#include "core/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include <lamella/error.h>

#include "core/base/format.h"

namespace lamella::detail {
namespace fs = std::filesystem;
namespace {

// POSIX leaves one call above SSIZE_MAX undefined and Linux stops at 2 GiB; one limit below both.
constexpr std::size_t kLargestTransfer = std::size_t{1} << 30;

// The temporary's name is short, so that a target of the longest allowed name can be written.
fs::path temporary_name(const fs::path& target) {
  static std::atomic<unsigned> counter{0};
  return target.parent_path() / formatted(".lamella-{}-{}.tmp", ::getpid(), counter++);
}

// Repeats `call` until `out` is full or the file ends; returns the bytes read.
template <class Call>
std::size_t read_all(const fs::path& path, std::span<std::byte> out, Call call) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t wanted = std::min(out.size() - done, kLargestTransfer);
    const ssize_t count = call(done, out.subspan(done, wanted));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_io_error(path, "read", errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace

void throw_io_error(const fs::path& path, std::string_view action, int error) {
  throw IoError(formatted("{}: cannot {}: {}", path.string(), action,
                          std::generic_category().message(error)));
}

InputFile::InputFile(fs::path path) : path_(std::move(path)) {
  do {
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ < 0) throw_io_error(path_, "open", errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || S_ISDIR(status.st_mode)) {
    const int error = S_ISDIR(status.st_mode) ? EISDIR : errno;
    ::close(descriptor_);
    throw_io_error(path_, "read", error);
  }
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(other.release()) {}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::uint64_t InputFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw_io_error(path_, "get the size", errno);
  if (!S_ISREG(status.st_mode)) throw IoError(formatted("{}: not a regular file", path_.string()));
  return static_cast<std::uint64_t>(status.st_size);
}

std::size_t InputFile::read(std::span<std::byte> out) {
  return read_all(path_, out, [this](std::size_t, std::span<std::byte> rest) {
    return ::read(descriptor_, rest.data(), rest.size());
  });
}

std::size_t InputFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  return read_all(path_, out, [&](std::size_t done, std::span<std::byte> rest) {
    return ::pread(descriptor_, rest.data(), rest.size(), static_cast<off_t>(offset + done));
  });
}

int InputFile::release() noexcept { return std::exchange(descriptor_, -1); }

AtomicFile::AtomicFile(const fs::path& path) : path_(path), target_(path) {
  std::error_code error;
  // Step by step, because a link may point to a file that does not exist yet. 40 is Linux's limit.
  for (int links = 0; fs::is_symlink(target_, error); ++links) {
    if (links == 40) throw_io_error(path, "write", ELOOP);
    const fs::path next = fs::read_symlink(target_, error);
    if (error) throw_io_error(path, "write", error.value());
    target_ = target_.parent_path() / next;
  }
  const fs::file_status status = fs::status(target_, error);
  if (fs::is_directory(status)) throw_io_error(path_, "write", EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    descriptor_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    do {  // a process that was killed may have left a file of that name: try the next
      temporary_ = temporary_name(target_);
      descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
  }
  if (descriptor_ < 0) {
    temporary_.clear();
    throw_io_error(path_, "write", errno);
  }
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t wanted = std::min(bytes.size(), kLargestTransfer);
    const ssize_t count = ::write(descriptor_, bytes.data(), wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_io_error(path_, "write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  const bool direct = temporary_.empty();
  if (::fsync(descriptor_) != 0 && !direct) throw_io_error(path_, "write", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) throw_io_error(path_, "write", errno);
  if (direct) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw_io_error(path_, "write", errno);
  temporary_.clear();

  // The new name is on disk once its directory is. Some file systems do not offer that (EINVAL).
  const fs::path directory = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == EACCES) return;  // writable but not readable: the rename itself has succeeded
    throw_io_error(path_, "sync the directory of", errno);
  }
  const int error = ::fsync(descriptor) != 0 ? errno : 0;
  ::close(descriptor);
  if (error != 0 && error != EINVAL) throw_io_error(path_, "sync the directory of", error);
}

}  // namespace lamella::detail
