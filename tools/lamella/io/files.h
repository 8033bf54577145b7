// The files that a command's options name: checked before any of them is read.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_FILES_H_
#define LAMELLA_TOOLS_LAMELLA_IO_FILES_H_

#include <filesystem>
#include <string>
#include <vector>

#include <lamella/readers.h>

namespace lamella::cli {

/// A file and the option that leads to it. An empty path stands for an option that was not given.
struct NamedFile {
  std::string option;
  std::filesystem::path path;
};

/// The files of a data source, labels and test data included.
std::vector<NamedFile> source_files(const std::string& option, const std::string& source,
                                    const CsvOptions& csv);

/// Throws UsageError if an output is one of the inputs or another output, also by a link or a bind
/// mount, or the same pipe; IoError if an output cannot be written. Touches nothing. Devices, such
/// as /dev/null and terminals, may be named more than once.
void check_files(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs);

/// Whether what is written to `path` goes where descriptor `fd` leads, and would mix with what is
/// written there. Not so for terminals and other devices.
bool leads_to(const std::filesystem::path& path, int fd);

/// Whether every writing of `path` replaces what the one before wrote. Not so for pipes.
bool is_replaced(const std::filesystem::path& path);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_FILES_H_
