// Processor, caches, memory and affinity, as Linux and Google Benchmark report them.
#include "bench/machine.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <fstream>
#include <map>

namespace lamella::bench {
namespace {

std::optional<std::size_t> read_number(const char* path) {
  std::ifstream file(path);
  std::size_t value = 0;
  if (file >> value) return value;
  return std::nullopt;  // no such file, or the word "max"
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
  const auto& info = benchmark::CPUInfo::Get();
  for (const auto& cache : info.caches) {
    if (cache.type == "Instruction" || cache.size <= 0) continue;
    const auto bytes = static_cast<std::size_t>(cache.size);
    if (cache.level == 1) caches.l1 = bytes;
    if (cache.level == 2) caches.l2 = bytes;
    if (cache.level == 3) {
      const int sharing = std::max(1, cache.num_sharing);
      caches.l3 = bytes * static_cast<std::size_t>((info.num_cpus + sharing - 1) / sharing);
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
    if (CPU_ISSET(cpu, &mask)) cpus.push_back(cpu);
  return cpus;
}

bool pin_this_thread(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return false;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(cpu, &mask);
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
