// Replacing, overwriting and streaming; see output_file.h.
#include "core/base/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

#include <lamella/error.h>

#include "core/base/format.h"

namespace lamella::detail {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

/// Waits for another process that overwrites the same file, but not for ever: some other program
/// may hold the lock for as long as it runs. Returns 0 or an errno value.
int lock_for_writing(int file) {
  constexpr auto kPause = std::chrono::milliseconds(20);
  constexpr int kTries = 500;
  for (int i = 0; i < kTries; ++i) {
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK && errno != EINTR) return 0;  // no locks on this file system
    std::this_thread::sleep_for(kPause);
  }
  return EWOULDBLOCK;
}

/// Gives the file the content of `from`, which has `size` bytes. Space is claimed first, so that a
/// full disk shows before the old content is lost. Returns 0 or an errno value.
int overwrite_content(int file, int from, off_t size) {
  struct stat old {};
  if (::fstat(file, &old) != 0) return errno;
#if defined(__linux__)
  if (size > old.st_size && ::fallocate(file, 0, old.st_size, size - old.st_size) != 0 &&
      errno != EOPNOTSUPP && errno != EINTR) {
    const int error = errno;
    (void)!::ftruncate(file, old.st_size);
    return error;
  }
#endif
  std::vector<std::byte> buffer(kCopyBytes);
  for (off_t done = 0; done < size;) {
    const ssize_t count = ::pread(from, buffer.data(), buffer.size(), done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return EIO;  // the copy got shorter
    for (ssize_t written = 0; written < count;) {
      const ssize_t more = ::pwrite(file, buffer.data() + written,
                                    static_cast<std::size_t>(count - written), done + written);
      if (more < 0 && errno == EINTR) continue;
      if (more < 0) return errno;
      written += more;
    }
    done += count;
  }
  if (::ftruncate(file, size) != 0 || !sync_file(file)) return errno;
  return 0;
}

}  // namespace

OutputFile::OutputFile(const fs::path& path, TemporaryKind kind)
    : target_(find_output_target(path)) {
  switch (target_.method) {
    case OutputMethod::descriptor:
      direct_ = open_in_place(target_);
      break;
    case OutputMethod::stream:
      // As the caller named it: what /proc calls a link to "pipe:[n]" is no path.
      direct_ = open_at(AT_FDCWD, path.c_str(), O_WRONLY);
      if (!direct_.open()) throw_io_error(path, "write", errno);
      break;
    case OutputMethod::replace:
    case OutputMethod::overwrite:
      temporary_.emplace(target_, kind);
      break;
  }
}

void OutputFile::write(std::span<const std::byte> bytes) {
  const int file = direct_.open() ? direct_.get() : temporary_->descriptor();
  if (write_until_error(file, bytes) != 0) throw_io_error(target_.path, "write", errno);
}

void OutputFile::commit() {
  if (direct_.open()) {
    // Pipes and devices cannot be synced; a regular file behind a descriptor can.
    const bool failed = !sync_file(direct_.get()) && errno != EINVAL && errno != EROFS &&
                        errno != EOPNOTSUPP && errno != EINTR;
    const int error = errno;
    const bool kept = direct_.close();
    if (failed || !kept) throw_io_error(target_.path, "write", failed ? error : errno);
    return;
  }
  temporary_->sync();
  if (target_.method == OutputMethod::replace)
    replace();
  else
    overwrite();
  temporary_->remove_stale();
}

void OutputFile::replace() {
  const int directory = target_.place.directory.get();
  const char* const name = target_.place.name.c_str();
  if (!temporary_->link_as(name)) {
    temporary_->show();
    if (::renameat(temporary_->directory(), temporary_->name().c_str(), directory, name) != 0) {
      const int error = errno;
      struct stat status {};
      // The name may have become a mount point, or the directory's rights may have changed.
      const bool fixed = error == EBUSY || error == EXDEV || error == EPERM || error == EACCES;
      if (fixed && ::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISREG(status.st_mode) && ::faccessat(directory, name, W_OK, AT_EACCESS) == 0)
        return overwrite();
      throw_io_error(target_.path, "write", error);
    }
    temporary_->renamed();
  }
  sync_directory();
  if (!temporary_->close()) throw_io_error(target_.path, "write", errno);
}

void OutputFile::overwrite() {
  const Descriptor file =
      open_at(target_.place.directory.get(), target_.place.name.c_str(), O_WRONLY | O_NOFOLLOW);
  if (!file.open()) throw_io_error(target_.path, "write", errno);
  struct stat status {};
  if (::fstat(temporary_->descriptor(), &status) != 0) throw_io_error(target_.path, "write", errno);
  // With a name the copy survives even a kill in the middle.
  temporary_->show_as_copy();
  int error = lock_for_writing(file.get());
  if (error == 0) error = overwrite_content(file.get(), temporary_->descriptor(), status.st_size);
  if (error != 0)
    throw IoError(formatted("{}: cannot write: {}; the complete new content is in {}",
                            target_.path.string(), std::generic_category().message(error),
                            temporary_->keep().string()));
  temporary_->discard();
}

// The new name is on disk once its directory is. Some file systems do not offer that (EINVAL), and
// a directory that may be written to but not read cannot be opened for it; the rename has
// succeeded.
void OutputFile::sync_directory() const {
  const Descriptor directory = open_at(target_.place.directory.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!directory.open()) {
    if (errno == EACCES) return;
    throw_io_error(target_.path, "sync the directory of", errno);
  }
  if (!sync_file(directory.get()) && errno != EINVAL)
    throw_io_error(target_.path, "sync the directory of", errno);
}

}  // namespace lamella::detail
