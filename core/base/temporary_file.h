// The file that holds new content until its target takes it.
//
// Not here: how it becomes the target (output_file.h).
#ifndef LAMELLA_CORE_BASE_TEMPORARY_FILE_H_
#define LAMELLA_CORE_BASE_TEMPORARY_FILE_H_

#include <filesystem>
#include <string>

#include "core/base/output_target.h"

namespace lamella::detail {

/// Whether a temporary may do without a name. `named` is for tests: it is what file systems without
/// O_TMPFILE get.
enum class TemporaryKind { nameless, named };

/// A file of its own for each writer of a target, beside the target or, if its directory may not be
/// written to, in the directory for temporary files.
///
/// It has no name where the file system offers that (O_TMPFILE), and else ".lamella-HASH-N.tmp".
/// The process locks it as long as it is open. So a file of that name without a lock is known to be
/// left over from a process that died.
class TemporaryFile {
 public:
  /// For a target that is replaced or overwritten. Throws IoError.
  TemporaryFile(const OutputTarget& target, TemporaryKind kind);
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { discard(); }

  int descriptor() const { return file_.get(); }
  int directory() const { return directory_.get(); }
  const std::string& name() const { return name_; }

  void sync();
  /// Gives a file without name the target's name. False, and nothing has changed, if it has a name,
  /// the target exists, or the system cannot.
  bool link_as(const char* target) noexcept;
  /// Gives it a name of its own, if it has none.
  void show();
  /// As show(), for content that is complete and the only whole copy for a while: no other writer
  /// takes the file for stale before it has written the target itself.
  void show_as_copy();
  /// It is the target now, and not to be removed.
  void renamed() noexcept { name_.clear(); }
  /// Leaves it for the user and says where it is. It takes the place of what was left before it.
  std::filesystem::path keep();
  bool close() noexcept;
  void discard() noexcept;
  /// Removes what processes that died have left for the same target.
  void remove_stale() const noexcept;

 private:
  void create(TemporaryKind kind, unsigned mode);
  void create_with_name(unsigned mode);
  void copy_to_named();
  void pass_on(const struct stat& old, const Place& place);
  std::string candidate(int number, const char* kind) const;

  std::filesystem::path path_;    // of the target, for messages
  std::filesystem::path parent_;  // of the temporary, for messages
  Descriptor directory_;
  std::string stem_;  // names of this target's temporaries begin with it
  std::string name_;  // empty: it has none
  Descriptor file_;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_TEMPORARY_FILE_H_
