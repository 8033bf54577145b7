// The training log: JSON lines, one an epoch, each in the file before the next epoch begins.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_EPOCH_LOG_H_
#define LAMELLA_TOOLS_LAMELLA_IO_EPOCH_LOG_H_

#include <cstdint>
#include <filesystem>

#include <lamella/trainer.h>

#include "tools/lamella/io/streams.h"

namespace lamella::cli {

class EpochLog {
 public:
  /// Opens or creates the file so that a failure shows before any work; an empty path logs nothing.
  /// What the file holds is kept until start(). Throws IoError.
  explicit EpochLog(std::filesystem::path path);

  /// Empties the file but for its first `kept` lines, which are those of epochs before.
  void start(index_t kept);
  /// Throws IoError if the line cannot be written; a regular file then ends with the line before,
  /// and further calls do nothing.
  void write(const EpochReport& report);
  /// Throws IoError if the system did not keep what was written.
  void close();

 private:
  std::filesystem::path path_;
  Descriptor file_;
  bool shared_ = false;   // the descriptor is not ours alone
  std::int64_t end_ = 0;  // of the last whole line
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_EPOCH_LOG_H_
