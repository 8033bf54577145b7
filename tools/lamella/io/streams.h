// Where text leaves the process: standard output, standard error, and files written whole or not at
// all. Every failure is an IoError that names the destination and the reason.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_STREAMS_H_
#define LAMELLA_TOOLS_LAMELLA_IO_STREAMS_H_

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/output_file.h"

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

using detail::Descriptor;

/// Writes all of `text` to `fd`; `name` stands in the IoError if that fails.
void write_all(int fd, std::string_view text, const std::string& name);

/// Text for a file (see detail::OutputFile), or for standard output if the path is empty.
class TextOutput {
 public:
  explicit TextOutput(const std::filesystem::path& path);

  void write(std::string_view text);
  /// Until then the path has no new file, or its old one.
  void commit();

 private:
  std::optional<detail::OutputFile> file_;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_STREAMS_H_
