// Files by POSIX calls; see file.h.
#include "core/base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/output_target.h"

namespace lamella::detail {
namespace fs = std::filesystem;
namespace {

// POSIX leaves one call above SSIZE_MAX undefined and Linux stops at 2 GiB; one limit below both.
constexpr std::size_t kLargestTransfer = std::size_t{1} << 30;

// Repeats `call` until `out` is full or the file ends; returns the bytes read.
template <class Call>
std::size_t read_all(const fs::path& path, int fd, std::span<std::byte> out, Call call) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t wanted = std::min(out.size() - done, kLargestTransfer);
    const ssize_t count = call(done, out.subspan(done, wanted));
    if (count < 0 && can_retry(fd, POLLIN)) continue;
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

// After a signal the file is closed all the same, and must not be closed again (Linux, close(2)).
bool Descriptor::close() noexcept {
  return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0 || errno == EINTR;
}

bool sync_file(int fd) noexcept {
  int result = 0;
  do {
    result = ::fsync(fd);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

Descriptor open_at(int directory, const char* name, int flags, unsigned mode) noexcept {
  for (;;) {
    const int fd = ::openat(directory, name, flags | O_CLOEXEC | O_NOCTTY, mode);
    if (fd >= 0 || errno != EINTR) return Descriptor(fd);
  }
}

bool can_retry(int fd, short events) noexcept {
  if (errno == EINTR) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
  pollfd waiting{fd, events, 0};
  return ::poll(&waiting, 1, -1) >= 0 || errno == EINTR;
}

std::size_t write_until_error(int fd, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), std::min(bytes.size(), kLargestTransfer));
    if (count < 0 && can_retry(fd, POLLOUT)) continue;
    if (count < 0) break;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return bytes.size();
}

InputFile::InputFile(fs::path path) : path_(std::move(path)) {
  descriptor_ = open_at(AT_FDCWD, path_.c_str(), O_RDONLY);
  if (!descriptor_.open()) {
    // A socket cannot be opened by its name in /proc, nor a pipe of another user.
    const int error = errno;
    const std::optional<int> own = own_descriptor(path_);
    if (own) descriptor_ = Descriptor(::fcntl(*own, F_DUPFD_CLOEXEC, 0));
    if (!descriptor_.open()) throw_io_error(path_, "open", error);
  }
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) throw_io_error(path_, "read", errno);
  if (S_ISDIR(status.st_mode)) throw_io_error(path_, "read", EISDIR);
}

std::optional<std::uint64_t> InputFile::known_size() const {
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) throw_io_error(path_, "get the size", errno);
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

std::uint64_t InputFile::size() const {
  const auto size = known_size();
  if (!size) throw IoError(formatted("{}: not a regular file", path_.string()));
  return *size;
}

std::size_t InputFile::read(std::span<std::byte> out) {
  const int fd = descriptor_.get();
  return read_all(path_, fd, out, [fd](std::size_t, std::span<std::byte> rest) {
    return ::read(fd, rest.data(), rest.size());
  });
}

std::size_t InputFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  const int fd = descriptor_.get();
  return read_all(path_, fd, out, [&](std::size_t done, std::span<std::byte> rest) {
    return ::pread(fd, rest.data(), rest.size(), static_cast<off_t>(offset + done));
  });
}

}  // namespace lamella::detail
