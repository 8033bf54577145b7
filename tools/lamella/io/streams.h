// Where text leaves the process: standard output, standard error, and files written whole or not at
// all. Every failure is an IoError that names the destination and the reason.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_STREAMS_H_
#define LAMELLA_TOOLS_LAMELLA_IO_STREAMS_H_

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

namespace lamella::cli {

/// Call first in main: a closed pipe and a limit on the size of files become errors of write, and a
/// descriptor 0 to 2 that was closed by the caller is never handed to a file that is opened later.
void prepare_streams();

/// Writes all of `text`, unbuffered. Throws IoError.
void write_stdout(std::string_view text);
/// As write_stdout, but a failure is ignored: there is no other place to report it.
void write_stderr(std::string_view text) noexcept;
/// The pieces one after the other, as one line if they are one; allocates nothing.
void write_stderr(std::initializer_list<std::string_view> pieces) noexcept;

/// Throws IoError unless a file can be put at `path`: its directory exists and may be written to,
/// or there is a device or pipe that may. Touches nothing.
void check_file_target(const std::filesystem::path& path);

/// Whether both name the same existing file, or the same path.
bool same_file(const std::filesystem::path& a, const std::filesystem::path& b);

/// An open file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  /// Closes and says whether the system kept all that was written.
  bool close() noexcept;

 private:
  int fd_ = -1;
};

/// Writes all of `text` to `fd`; `name` stands in the IoError if that fails.
void write_all(int fd, std::string_view text, const std::string& name);

/// Text for a file, or for standard output if the path is empty.
///
/// A regular file appears under its name only in commit(), complete and synced; until then it is a
/// temporary beside it, removed if commit() is not reached. Devices and pipes are written to in
/// place.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view text);
  void commit();

 private:
  std::string name() const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: written in place
  Descriptor file_;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_STREAMS_H_
