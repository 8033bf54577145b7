// Files of the operating system: descriptors and reading.
//
// Not here: writing (output_file.h), any format. Every failure is an IoError that names the path
// and the system's reason.
#ifndef LAMELLA_CORE_BASE_FILE_H_
#define LAMELLA_CORE_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace lamella::detail {

/// Throws IoError "PATH: cannot ACTION: REASON" with the text of `error` (an errno value).
[[noreturn]] void throw_io_error(const std::filesystem::path& path, std::string_view action,
                                 int error);

/// An open file descriptor, closed by the destructor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  /// Closes and says whether the system kept all that was written.
  bool close() noexcept;
  /// Hands the descriptor to the caller, who closes it.
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// fsync(2), again where a signal interrupts it. Returns false and leaves errno if it fails.
bool sync_file(int fd) noexcept;

/// openat(), repeated when a signal interrupts it (opening a named pipe waits for its other end).
Descriptor open_at(int directory, const char* name, int flags, unsigned mode = 0) noexcept;

/// Writes all of `bytes`, however often a signal interrupts and a pipe is full. Returns the number
/// of bytes that are left after an error, whose number stays in errno.
std::size_t write_until_error(int fd, std::span<const std::byte> bytes) noexcept;

/// Whether a read or write that failed may be tried again: a signal interrupted it, or the
/// descriptor is non-blocking, in which case this waits until it is ready for `events` of poll().
bool can_retry(int fd, short events) noexcept;

/// A file that is open for reading. Movable, not copyable.
class InputFile {
 public:
  /// Throws IoError if `path` cannot be opened or is a directory. /dev/stdin and /dev/fd/N may be
  /// sockets.
  explicit InputFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  /// Size in bytes of a regular file; nothing for what has none (a pipe). Throws IoError.
  std::optional<std::uint64_t> known_size() const;
  /// Size in bytes of a regular file. Throws IoError for anything that has no size (a pipe).
  std::uint64_t size() const;
  /// Reads until `out` is full or the file ends; returns the bytes read.
  std::size_t read(std::span<std::byte> out);
  /// The same from byte `offset` of a regular file; does not change the position of read().
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_FILE_H_
