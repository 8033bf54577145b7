// How much memory this process can have before the system refuses it or ends the process.
#ifndef LAMELLA_CORE_PLATFORM_MEMORY_H_
#define LAMELLA_CORE_PLATFORM_MEMORY_H_

#include <cstdint>
#include <filesystem>
#include <string>

namespace lamella::detail {

/// Bytes that are still to be had, and what sets the limit, for messages: "the control group's
/// limit of 2.00 GB".
struct MemoryRoom {
  std::uint64_t bytes = 0;
  std::string limit;
};

/// The least that the control groups (memory.max, memory.limit_in_bytes), RLIMIT_AS, RLIMIT_DATA
/// and the machine with its swap leave to this process. Of the machine all memory counts, since
/// what others use today they may give back. Files are read below `root`, which tests set.
MemoryRoom memory_room(const std::filesystem::path& root = "/");

/// As memory_room(), before the process or others are slowed down: memory.high and what the machine
/// has available count too, and a tenth of each is left to others.
MemoryRoom comfortable_memory_room(const std::filesystem::path& root = "/");

/// "512 bytes", "1.50 GB" (10^9 bytes).
std::string memory_text(std::uint64_t bytes);

/// Throws IoError "WHAT takes 3.00 GB of memory, and ..." if that many bytes are certain to be too
/// many. Amounts that hardly matter are not looked into.
void require_memory(std::uint64_t bytes, const std::string& what);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_MEMORY_H_
