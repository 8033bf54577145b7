// Names for what could not be written to its own; see rescue.h.
#include "tools/lamella/io/rescue.h"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include <lamella/error.h>

#include "core/base/output_target.h"
#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace fs = std::filesystem;
namespace {

/// While it lives, new files are the owner's alone: who may read the model is not known.
class PrivateFiles {
 public:
  PrivateFiles() : old_(::umask(077)) {}
  ~PrivateFiles() { ::umask(old_); }
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;

 private:
  mode_t old_;
};

std::vector<fs::path> directories(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> result;
  // What was to go into a device or a pipe does not belong beside it.
  const auto identity = detail::identity_of(path);
  const bool is_file = !identity || identity->type == 0 || S_ISREG(identity->type);
  if (is_file && !detail::own_descriptor(path)) {
    result.push_back(path.parent_path());
    if (const fs::path here = fs::current_path(error); !error) result.push_back(here);
  }
  if (const fs::path temporary = fs::temp_directory_path(error); !error)
    result.push_back(temporary);
  return result;
}

std::optional<fs::path> save_elsewhere(const fs::path& path,
                                       const std::function<void(const fs::path&)>& save) {
  const PrivateFiles guard;
  for (const fs::path& directory : directories(path)) {
    const fs::path other = directory / formatted("lamella-rescued-{}.safetensors", ::getpid());
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(other, ignored))) continue;
    try {
      save(other);
      return other;
    } catch (const IoError&) {  // the next may do
    }
  }
  return std::nullopt;
}

}  // namespace

void save_or_rescue(const fs::path& path, const std::function<void(const fs::path&)>& save) {
  try {
    save(path);
  } catch (const IoError& error) {
    const auto other = save_elsewhere(path, save);
    throw IoError(
        other ? formatted("{}; the trained model is in {} instead", error.what(), other->string())
              : formatted("{}; there was no other place to save the trained model", error.what()));
  }
}

}  // namespace lamella::cli
