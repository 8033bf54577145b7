// Files of the operating system: opening, reading, and atomic replacement.
//
// Not here: any format. Every failure is an IoError that names the path and the system's reason.
#ifndef LAMELLA_CORE_BASE_FILE_H_
#define LAMELLA_CORE_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace lamella::detail {

/// Throws IoError "PATH: cannot ACTION: REASON" with the text of `error` (an errno value).
[[noreturn]] void throw_io_error(const std::filesystem::path& path, std::string_view action,
                                 int error);

/// A file that is open for reading; the destructor closes it. Movable, not copyable.
class InputFile {
 public:
  /// Throws IoError if `path` cannot be opened or is a directory.
  explicit InputFile(std::filesystem::path path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  const std::filesystem::path& path() const { return path_; }
  /// Size in bytes of a regular file. Throws IoError for anything that has no size (a pipe).
  std::uint64_t size() const;
  /// Reads until `out` is full or the file ends; returns the bytes read.
  std::size_t read(std::span<std::byte> out);
  /// The same from byte `offset` of a regular file; does not change the position of read().
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const;
  /// Hands the descriptor to the caller, who closes it.
  int release() noexcept;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// Writes a file atomically: bytes go to a temporary file beside `path`, which replaces it on
/// commit().
///
/// Without a commit the temporary is removed and `path` does not change. A symbolic link is
/// followed. A device or pipe cannot be replaced and is written to directly.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  /// Syncs the file, renames it to its name and syncs the directory.
  void commit();

 private:
  void discard() noexcept;

  std::filesystem::path path_;       // as the caller named it, for messages
  std::filesystem::path target_;     // where it ends up
  std::filesystem::path temporary_;  // empty if written to directly
  int descriptor_ = -1;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_FILE_H_
