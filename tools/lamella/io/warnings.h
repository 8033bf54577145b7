// What looks wrong but may be right, said on standard error: one line each.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_WARNINGS_H_
#define LAMELLA_TOOLS_LAMELLA_IO_WARNINGS_H_

#include <cstdint>
#include <string>

#include <lamella/data_checks.h>

namespace lamella::cli {

/// Prints warnings, as the user wants them.
class Warnings {
 public:
  enum class Which : std::uint8_t { all, likely };
  explicit Warnings(Which which) : which_(which) {}

  /// Prints "lamella: warning: TEXT" unless only likelier faults are wanted.
  void print(const std::string& text, Suspicion suspicion) const;

 private:
  Which which_;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_WARNINGS_H_
