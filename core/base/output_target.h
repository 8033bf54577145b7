// Where a path leads when something is written to it, and how it has to be written.
//
// Not here: the writing itself (output_file.h).
#ifndef LAMELLA_CORE_BASE_OUTPUT_TARGET_H_
#define LAMELLA_CORE_BASE_OUTPUT_TARGET_H_

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>

#include "core/base/file.h"

namespace lamella::detail {

enum class OutputMethod {
  replace,     ///< a complete new file takes the name
  overwrite,   ///< a regular file whose name cannot be given to another: its content changes
  stream,      ///< a device or pipe, opened as it is named
  descriptor,  ///< a descriptor of this process (/dev/stdout, /dev/fd/N), whatever it is
};

/// The end of a path. Symbolic links in the last component are followed, also to a file that does
/// not exist; links to open files in /proc are not, since their text is no path.
struct Place {
  Descriptor directory;    ///< in which `name` stands
  std::string name;        ///< last component; empty or "." for a directory
  bool proc_link = false;  ///< a link of /proc, which only the kernel can follow
  std::optional<int> own;  ///< the descriptor of this process that it stands for
};

/// Follows `path`. On an error the directory is not open and errno says why.
Place find_place(const std::filesystem::path& path);

/// The descriptor of this process that `path` stands for: 1 for /dev/stdout, N for /dev/fd/N.
std::optional<int> own_descriptor(const std::filesystem::path& path);

struct OutputTarget {
  std::filesystem::path path;  ///< as the caller named it
  Place place;
  OutputMethod method = OutputMethod::replace;
  std::optional<struct stat> existing;  ///< of a regular file
};

/// Finds out how to write to `path`, and refuses what could not be written at the end: a directory
/// that is missing or locked, a file that is read-only (also for root: a file is made
/// read-only so that it is not replaced). Touches nothing. Throws IoError.
OutputTarget find_output_target(const std::filesystem::path& path);

/// Opens what is there, or creates it, to be written to as it stands; for files that grow, such as
/// logs. Throws IoError.
Descriptor open_in_place(const OutputTarget& target);

/// What tells files apart, whatever they are called: links and bind mounts lead to one identity. A
/// file that does not exist is its directory and name.
struct FileIdentity {
  dev_t device = 0;
  ino_t number = 0;
  std::string name;  ///< of a file that does not exist
  mode_t type = 0;   ///< S_IFREG and so on; 0: does not exist

  bool operator==(const FileIdentity&) const = default;
};

/// Nothing if not even the directory can be reached.
std::optional<FileIdentity> identity_of(const std::filesystem::path& path);
std::optional<FileIdentity> identity_of(int descriptor);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_OUTPUT_TARGET_H_
