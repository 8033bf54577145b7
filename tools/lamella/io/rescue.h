// The last resort for a trained model: another place, if it cannot be written to its own.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_RESCUE_H_
#define LAMELLA_TOOLS_LAMELLA_IO_RESCUE_H_

#include <filesystem>
#include <functional>

namespace lamella::cli {

/// Calls save(path). If that throws an IoError, tries other names: beside `path`, in the current
/// directory, and in the one for temporary files. Then throws an IoError that says what went wrong
/// and where the model is. Such files are readable to their owner alone.
void save_or_rescue(const std::filesystem::path& path,
                    const std::function<void(const std::filesystem::path&)>& save);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_RESCUE_H_
