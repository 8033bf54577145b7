// The options of a run that is resumed: those that its checkpoint holds, and those given now.
#ifndef LAMELLA_TOOLS_LAMELLA_OPTIONS_RESUME_OPTIONS_H_
#define LAMELLA_TOOLS_LAMELLA_OPTIONS_RESUME_OPTIONS_H_

#include <filesystem>

#include <lamella/checkpoint.h>

namespace CLI {
class App;
}

namespace lamella::cli {

/// The options that `app` was given and that a checkpoint is to hold, by name ("--epochs"); those
/// of one run alone (--model, --quiet, --json, --profile, --resume) are left out.
CheckpointSettings options_to_store(const CLI::App& app);

/// Gives `app`, which is of the same command as `given`, the options that the settings of the
/// checkpoint hold, and those that were given now. Throws UsageError if one of these decides the
/// result and is another one than in the checkpoint; DataError if the checkpoint holds options that
/// are not known.
void parse_resumed(CLI::App& app, const std::filesystem::path& checkpoint,
                   const CheckpointSettings& settings, const CLI::App& given);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_OPTIONS_RESUME_OPTIONS_H_
