// The limits of the process's control groups, versions 1 and 2.
//
// A file that is missing, unreadable or malformed means "no limit known": a program must start in
// any container, also in one whose /proc is hidden.
#include "core/platform/cgroup.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <sstream>

namespace lamella::detail {
namespace {

namespace fs = std::filesystem;

/// The parts of `text` between separators, empty ones included.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const auto end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

bool has_part(std::string_view comma_separated, std::string_view part) {
  const auto parts = split(comma_separated, ',');
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

/// Undoes mountinfo's octal escapes (\040 for a blank).
std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr ==
            text.data() + i + 4) {
      result += static_cast<char>(code);
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// A whole small file, or nothing if it cannot be read.
std::optional<std::string> read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return std::nullopt;
  return text.str();
}

std::optional<std::int64_t> parse_positive(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || value <= 0)
    return std::nullopt;
  return value;
}

/// The quota of the one group that `directory` stands for.
std::optional<double> quota_of(CgroupVersion version, const fs::path& directory) {
  if (version == CgroupVersion::v2) {
    const auto text = read_text(directory / "cpu.max");
    return text ? parse_cpu_max(*text) : std::nullopt;
  }
  const auto quota = read_text(directory / "cpu.cfs_quota_us");  // -1: no limit
  const auto period = read_text(directory / "cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  return parse_cpu_max(*quota + " " + *period);
}

/// A file that holds one number; nothing for "max" and 0 alike.
std::optional<std::uint64_t> read_number(const fs::path& path) {
  const auto text = read_text(path);
  const auto value = text ? parse_positive(*text) : std::nullopt;
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

/// The number behind `key` and a blank at the start of a line; 0 if there is none.
std::uint64_t value_of(std::string_view text, std::string_view key) {
  for (const auto line : split(text, '\n'))
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      if (const auto value = parse_positive(line.substr(key.size() + 1)))
        return static_cast<std::uint64_t>(*value);
  return 0;
}

std::uint64_t difference(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

/// What the limit in the file `name` leaves to the one group that `directory` stands for.
std::optional<CgroupMemory> group_memory(CgroupVersion version, const fs::path& directory,
                                         const char* name) {
  // Version 1 has a number of nearly 2^63 where there is no limit.
  constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;
  const auto limit = read_number(directory / name);
  if (!limit || *limit >= kNoLimit) return std::nullopt;
  const bool v2 = version == CgroupVersion::v2;
  const std::string stat = read_text(directory / "memory.stat").value_or("");
  const std::uint64_t cached =
      v2 ? value_of(stat, "inactive_file") + value_of(stat, "active_file") +
               value_of(stat, "slab_reclaimable")
         : value_of(stat, "total_inactive_file") + value_of(stat, "total_active_file");
  const std::uint64_t in_use =
      read_number(directory / (v2 ? "memory.current" : "memory.usage_in_bytes")).value_or(0);
  CgroupMemory memory{*limit, difference(*limit, difference(in_use, cached)), std::nullopt};
  if (v2) {
    if (const auto text = read_text(directory / "memory.swap.max");
        text && !text->starts_with("max"))
      memory.free_swap = difference(read_number(directory / "memory.swap.max").value_or(0),
                                    read_number(directory / "memory.swap.current").value_or(0));
  } else if (const auto both = read_number(directory / "memory.memsw.limit_in_bytes");
             both && *both < kNoLimit) {
    const auto used = read_number(directory / "memory.memsw.usage_in_bytes").value_or(0);
    memory.free_swap = difference(difference(*both, difference(used, cached)), memory.free);
  }
  return memory;
}

void consider(std::optional<CgroupMemory>& tightest, const std::optional<CgroupMemory>& memory) {
  const auto all = [](const CgroupMemory& m) { return m.free + m.free_swap.value_or(0); };
  if (memory && (!tightest || all(*memory) < all(*tightest))) tightest = memory;
}

/// `path` relative to `root`, both absolute group paths; nothing if it does not lie below.
std::optional<fs::path> path_below(const fs::path& path, const fs::path& root) {
  const auto relative = path.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..") return std::nullopt;
  return relative;
}

/// Calls visit(version, directory) for each of the process's groups on which `controller` acts, and
/// for their ancestors, as far as they are mounted.
template <class Visit>
void for_each_group(const fs::path& root, std::string_view controller, const Visit& visit) {
  const auto memberships = read_text(root / "proc/self/cgroup");
  const auto mountinfo = read_text(root / "proc/self/mountinfo");
  if (!memberships || !mountinfo) return;
  const auto mounts = parse_mountinfo(*mountinfo, controller);
  for (const auto& group : parse_proc_cgroup(*memberships, controller)) {
    for (const auto& mount : mounts) {
      if (mount.version != group.version) continue;
      auto directory = root / fs::path(mount.mount_point).relative_path();
      // Without a cgroup namespace a container sees its group's path on the host, and mounts only
      // that group: mount.root is then a prefix of the path. A root that starts with ".." lies
      // above our namespace, so it is an ancestor whatever our path is.
      const auto below = path_below(group.path, mount.root);
      if (below || mount.root.starts_with("/..")) visit(mount.version, directory);
      if (!below) continue;
      for (const auto& part : *below) {
        if (part == ".") continue;
        directory /= part;
        visit(mount.version, directory);
      }
    }
  }
}

}  // namespace

std::vector<CgroupMembership> parse_proc_cgroup(std::string_view text,
                                                std::string_view controller) {
  std::vector<CgroupMembership> memberships;
  for (const auto line : split(text, '\n')) {
    // "hierarchy-id:controllers:path"; the path may itself hold colons.
    const auto first = line.find(':');
    if (first == std::string_view::npos) continue;
    const auto second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const auto path = line.substr(second + 1);
    if (path.empty() || path.front() != '/') continue;
    if (line.substr(0, first) == "0" && controllers.empty())
      memberships.push_back({CgroupVersion::v2, std::string(path)});
    else if (has_part(controllers, controller))
      memberships.push_back({CgroupVersion::v1, std::string(path)});
  }
  return memberships;
}

std::vector<CgroupMount> parse_mountinfo(std::string_view text, std::string_view controller) {
  std::vector<CgroupMount> mounts;
  for (const auto line : split(text, '\n')) {
    // id parent device root mount-point options [optional ...] - type source super-options
    const auto fields = split(line, ' ');
    const auto separator = std::find(fields.begin(), fields.end(), "-");
    if (separator - fields.begin() < 6 || fields.end() - separator < 4) continue;
    const auto type = separator[1];
    if (type == "cgroup2")
      mounts.push_back({CgroupVersion::v2, unescape(fields[3]), unescape(fields[4])});
    else if (type == "cgroup" && has_part(separator[3], controller))
      mounts.push_back({CgroupVersion::v1, unescape(fields[3]), unescape(fields[4])});
  }
  return mounts;
}

std::optional<double> parse_cpu_max(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto blank = text.find_first_of(" \n");
  if (blank == std::string_view::npos) return std::nullopt;
  const auto quota = parse_positive(text.substr(0, blank));
  const auto rest = text.find_first_not_of(" \n", blank);
  const auto period = parse_positive(text.substr(rest));
  if (!quota || !period) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> cgroup_cpu_quota(const fs::path& root) {
  std::optional<double> tightest;
  for_each_group(root, "cpu", [&](CgroupVersion version, const fs::path& directory) {
    const auto quota = quota_of(version, directory);
    if (quota && (!tightest || *quota < *tightest)) tightest = quota;
  });
  return tightest;
}

CgroupMemoryLimits cgroup_memory(const fs::path& root) {
  CgroupMemoryLimits limits;
  for_each_group(root, "memory", [&](CgroupVersion version, const fs::path& directory) {
    const bool v2 = version == CgroupVersion::v2;
    consider(limits.hard,
             group_memory(version, directory, v2 ? "memory.max" : "memory.limit_in_bytes"));
    if (v2) consider(limits.soft, group_memory(version, directory, "memory.high"));
  });
  return limits;
}

}  // namespace lamella::detail
