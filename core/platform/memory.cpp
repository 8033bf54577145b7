// Limits of memory from control groups, the process and the machine; see memory.h.
//
// What cannot be found out is no limit.
#include "core/platform/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <vector>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/platform/cgroup.h"

namespace lamella::detail {
namespace {

namespace fs = std::filesystem;

// Below this no look at the limits is worth its reading of files.
constexpr std::uint64_t kWorthALook = std::uint64_t{64} << 20;

std::uint64_t difference(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// Of the machine, in bytes.
struct Machine {
  std::uint64_t memory = 0, available = 0, swap = 0, free_swap = 0;
};

Machine machine(const fs::path& root) {
  Machine result;
  std::ifstream file(root / "proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string key;
    std::uint64_t kibibytes = 0;
    if (!(fields >> key >> kibibytes)) continue;
    const std::uint64_t bytes = kibibytes * 1024;
    if (key == "MemTotal:") result.memory = bytes;
    if (key == "MemAvailable:") result.available = bytes;
    if (key == "SwapTotal:") result.swap = bytes;
    if (key == "SwapFree:") result.free_swap = bytes;
  }
  return result;
}

// Pages of /proc/self/statm: all of the address space, and data with stacks.
struct Pages {
  std::uint64_t all = 0, data = 0;
};

Pages pages(const fs::path& root) {
  std::ifstream file(root / "proc/self/statm");
  std::uint64_t size = 0, resident = 0, shared = 0, text = 0, library = 0, data = 0;
  if (!(file >> size >> resident >> shared >> text >> library >> data)) return {};
  return {size, data};
}

template <class Resource>
void add_process_limit(std::vector<MemoryRoom>& rooms, Resource resource, std::uint64_t in_use,
                       const char* name) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  rooms.push_back({difference(limit.rlim_cur, in_use),
                   formatted("{} of {}", name, memory_text(limit.rlim_cur))});
}

void add_group_limit(std::vector<MemoryRoom>& rooms, const std::optional<CgroupMemory>& memory,
                     std::uint64_t free_swap, const char* name) {
  if (!memory) return;
  rooms.push_back({memory->free + std::min(free_swap, memory->free_swap.value_or(free_swap)),
                   formatted("the control group's {} of {}", name, memory_text(memory->limit))});
}

// Each limit with what it leaves.
std::vector<MemoryRoom> rooms(const fs::path& root, const Machine& machine,
                              const CgroupMemoryLimits& groups) {
  std::vector<MemoryRoom> result;
  if (machine.memory > 0)
    result.push_back({machine.memory + machine.swap,
                      formatted("this machine's memory of {}", memory_text(machine.memory))});
  add_group_limit(result, groups.hard, machine.free_swap, "limit");
  const auto page = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  const Pages used = pages(root);
  add_process_limit(result, RLIMIT_AS, used.all * page, "the limit on address space (ulimit -v)");
  add_process_limit(result, RLIMIT_DATA, used.data * page, "the limit on data (ulimit -d)");
  return result;
}

MemoryRoom least(const std::vector<MemoryRoom>& rooms) {
  const auto found = std::ranges::min_element(rooms, {}, &MemoryRoom::bytes);
  if (found == rooms.end()) return {std::numeric_limits<std::uint64_t>::max(), "nothing"};
  return *found;
}

}  // namespace

MemoryRoom memory_room(const fs::path& root) {
  return least(rooms(root, machine(root), cgroup_memory(root)));
}

MemoryRoom comfortable_memory_room(const fs::path& root) {
  const Machine here = machine(root);
  const CgroupMemoryLimits groups = cgroup_memory(root);
  std::vector<MemoryRoom> all = rooms(root, here, groups);
  if (here.available > 0) all.push_back({here.available, "what other programs leave"});
  add_group_limit(all, groups.soft, here.free_swap, "soft limit");
  MemoryRoom room = least(all);
  room.bytes -= room.bytes / 10;
  return room;
}

std::string memory_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1e9) return formatted("{:.2f} GB", value / 1e9);
  if (value >= 1e6) return formatted("{:.2f} MB", value / 1e6);
  return formatted("{} bytes", bytes);
}

void require_memory(std::uint64_t bytes, const std::string& what) {
  if (bytes < kWorthALook) return;
  const MemoryRoom room = memory_room();
  if (bytes > room.bytes)
    throw IoError(formatted("{} takes {} of memory, and {} are free ({})", what, memory_text(bytes),
                            memory_text(room.bytes), room.limit));
}

}  // namespace lamella::detail
