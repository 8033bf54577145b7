// Processor, caches, memory and affinity, as Linux reports them.
#include "bench/roofline/machine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace lamella::bench {
namespace {

std::optional<std::size_t> read_number(const char* path) {
  std::ifstream file(path);
  std::size_t value = 0;
  if (file >> value) return value;
  return std::nullopt;  // no such file, or the word "max"
}

/// The first word of a file; empty if there is none.
std::string read_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// "key : value" lines of a file under /proc, the first of each key.
std::map<std::string, std::string> read_fields(const char* path) {
  std::map<std::string, std::string> fields;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const auto colon = line.find(':'); colon != std::string::npos)
      fields.emplace(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  return fields;
}

}  // namespace

Caches data_caches() {
  Caches caches;
  // A cache shows up at every processor that shares it: count each set of sharers once.
  std::set<std::string> instances;
  for (int cpu = 0;; ++cpu) {
    const auto of_cpu = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index";
    if (!std::filesystem::exists(of_cpu + '0')) break;
    for (int index = 0;; ++index) {
      const auto directory = of_cpu + std::to_string(index) + '/';
      const auto level = read_number((directory + "level").c_str());
      if (!level) break;
      const auto kib = read_number((directory + "size").c_str());  // such as 512K
      if (!kib || read_word(directory + "type") == "Instruction") continue;
      const std::size_t bytes = *kib * 1024;
      if (*level == 1) caches.l1 = bytes;
      if (*level == 2) caches.l2 = bytes;
      if (*level == 3 && instances.insert(read_word(directory + "shared_cpu_list")).second)
        caches.l3 += bytes;
    }
  }
  return caches;
}

std::string cpu_model() {
  const auto fields = read_fields("/proc/cpuinfo");
  if (const auto model = fields.find("model name"); model != fields.end()) return model->second;
  const auto implementer = fields.find("CPU implementer");
  const auto part = fields.find("CPU part");
  if (implementer != fields.end() && part != fields.end())
    return "implementer " + implementer->second + ", part " + part->second;
  return "unknown";
}

std::size_t available_memory() {
  std::size_t available = 0;
  const auto fields = read_fields("/proc/meminfo");
  if (const auto free = fields.find("MemAvailable"); free != fields.end())
    available = std::strtoull(free->second.c_str(), nullptr, 10) * 1024;
  // The root of the cgroup file system is what a container sees as its own group.
  for (const auto& [limit, used] :
       {std::pair{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
        std::pair{"/sys/fs/cgroup/memory/memory.limit_in_bytes",
                  "/sys/fs/cgroup/memory/memory.usage_in_bytes"}}) {
    const auto most = read_number(limit);
    if (!most) continue;
    const std::size_t now = read_number(used).value_or(0);
    available = std::min(available, *most > now ? *most - now : 0);
  }
  return available;
}

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &mask)) cpus.push_back(cpu);
  return cpus;
}

bool pin_this_thread(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return false;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(static_cast<std::size_t>(cpu), &mask);
  return sched_setaffinity(0, sizeof(mask), &mask) == 0;
}

ScopedPin::ScopedPin(const PinPolicy& policy) {
  if (!policy.enabled || sched_getaffinity(0, sizeof(before_), &before_) != 0) return;
  pinned_ = pin_this_thread(policy.cpu.value_or(sched_getcpu()));
}

ScopedPin::~ScopedPin() {
  if (pinned_) sched_setaffinity(0, sizeof(before_), &before_);
}

}  // namespace lamella::bench
