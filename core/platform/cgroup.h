// The limits that Linux control groups put on this process, as containers use them: of processor
// time and of memory.
//
// Not here: what follows from them for the number of threads (thread_limit.cpp), and other limits
// of memory (memory.cpp).
#ifndef LAMELLA_CORE_PLATFORM_CGROUP_H_
#define LAMELLA_CORE_PLATFORM_CGROUP_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lamella::detail {

/// Whether a line of a cgroup or mountinfo file is about version 1 or version 2 of the interface.
enum class CgroupVersion { v1, v2 };

/// One line of /proc/self/cgroup that may carry a limit: the process's group in a hierarchy.
struct CgroupMembership {
  CgroupVersion version;
  std::string path;
};

/// One mounted hierarchy that may carry a limit. `root` is the group mounted at `mount_point`.
struct CgroupMount {
  CgroupVersion version;
  std::string root;
  std::string mount_point;
};

/// What is about `controller` ("cpu", "memory"). Lines that do not fit the formats of proc(5) are
/// skipped.
std::vector<CgroupMembership> parse_proc_cgroup(std::string_view text, std::string_view controller);
std::vector<CgroupMount> parse_mountinfo(std::string_view text, std::string_view controller);

/// CPUs per period from the text of cpu.max ("150000 100000" is 1.5); nothing for "max" or text
/// that is not two positive numbers.
std::optional<double> parse_cpu_max(std::string_view text);

/// The smallest quota, in CPUs, on the process's groups and on all their ancestors that are
/// mounted; nothing if there is none. Every file is read below `root`, which tests set.
std::optional<double> cgroup_cpu_quota(const std::filesystem::path& root = "/");

/// What one limit of memory leaves free.
struct CgroupMemory {
  std::uint64_t limit = 0;                 ///< of all processes of the group, in bytes
  std::uint64_t free = 0;                  ///< not in use, or given back on demand (cached files)
  std::optional<std::uint64_t> free_swap;  ///< nothing if the group sets no limit to it
};

/// The limits of the group and its mounted ancestors that leave least: beyond `hard` a process is
/// killed (memory.max, memory.limit_in_bytes), beyond `soft` it is slowed down (memory.high).
struct CgroupMemoryLimits {
  std::optional<CgroupMemory> hard;
  std::optional<CgroupMemory> soft;
};
CgroupMemoryLimits cgroup_memory(const std::filesystem::path& root = "/");

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_CGROUP_H_
