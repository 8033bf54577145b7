// Files that appear under their name whole or not at all.
//
// Not here: where a path leads and whether it may be written (output_target.h).
#ifndef LAMELLA_CORE_BASE_OUTPUT_FILE_H_
#define LAMELLA_CORE_BASE_OUTPUT_FILE_H_

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>

#include "core/base/output_target.h"
#include "core/base/temporary_file.h"

namespace lamella::detail {

/// Writes a file: `path` gets the new content in commit(), complete and synced, and without commit
/// stays as it is.
///
/// Where the file system can, the bytes are in a file without a name until then, so that nothing
/// is left behind however the process ends. A file that is replaced passes on its mode, group and
/// access control list, and its owner where root writes; the temporary is never open to more
/// people. Other writers may write to the same path: the last one to commit wins.
///
/// A file whose name cannot be given to another (a mount point, a directory that may not be written
/// to) is overwritten in commit(), from a copy that stays beside it, or in the directory for
/// temporary files, until the new content is synced. If that fails, the error names the copy.
///
/// Devices, pipes and descriptors (/dev/stdout, /dev/fd/N) are written to as the bytes come.
class OutputFile {
 public:
  /// Throws IoError if it is certain that commit() cannot succeed; see find_output_target().
  explicit OutputFile(const std::filesystem::path& path,
                      TemporaryKind kind = TemporaryKind::nameless);

  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  void replace();
  void overwrite();
  void sync_directory() const;

  OutputTarget target_;
  std::optional<TemporaryFile> temporary_;  // of replace and overwrite
  Descriptor direct_;                       // of stream and descriptor
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_OUTPUT_FILE_H_
