// The CPU quota of the process's control groups, versions 1 and 2.
//
// A file that is missing, unreadable or malformed means "no quota known": a program must start in
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

bool has_cpu_controller(std::string_view comma_separated) {
  const auto parts = split(comma_separated, ',');
  return std::find(parts.begin(), parts.end(), "cpu") != parts.end();
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

/// `path` relative to `root`, both absolute group paths; nothing if it does not lie below.
std::optional<fs::path> path_below(const fs::path& path, const fs::path& root) {
  const auto relative = path.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..") return std::nullopt;
  return relative;
}

}  // namespace

std::vector<CgroupMembership> parse_proc_cgroup(std::string_view text) {
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
    else if (has_cpu_controller(controllers))
      memberships.push_back({CgroupVersion::v1, std::string(path)});
  }
  return memberships;
}

std::vector<CgroupMount> parse_mountinfo(std::string_view text) {
  std::vector<CgroupMount> mounts;
  for (const auto line : split(text, '\n')) {
    // id parent device root mount-point options [optional ...] - type source super-options
    const auto fields = split(line, ' ');
    const auto separator = std::find(fields.begin(), fields.end(), "-");
    if (separator - fields.begin() < 6 || fields.end() - separator < 4) continue;
    const auto type = separator[1];
    if (type == "cgroup2")
      mounts.push_back({CgroupVersion::v2, unescape(fields[3]), unescape(fields[4])});
    else if (type == "cgroup" && has_cpu_controller(separator[3]))
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
  const auto memberships = read_text(root / "proc/self/cgroup");
  const auto mountinfo = read_text(root / "proc/self/mountinfo");
  if (!memberships || !mountinfo) return std::nullopt;
  const auto mounts = parse_mountinfo(*mountinfo);

  std::optional<double> tightest;
  const auto consider = [&](CgroupVersion version, const fs::path& directory) {
    const auto quota = quota_of(version, directory);
    if (quota && (!tightest || *quota < *tightest)) tightest = quota;
  };
  for (const auto& group : parse_proc_cgroup(*memberships)) {
    for (const auto& mount : mounts) {
      if (mount.version != group.version) continue;
      auto directory = root / fs::path(mount.mount_point).relative_path();
      // Without a cgroup namespace a container sees its group's path on the host, and mounts only
      // that group: mount.root is then a prefix of the path. A root that starts with ".." lies
      // above our namespace, so it is an ancestor whatever our path is.
      const auto below = path_below(group.path, mount.root);
      if (below || mount.root.starts_with("/..")) consider(mount.version, directory);
      if (!below) continue;
      for (const auto& part : *below) {
        if (part == ".") continue;
        directory /= part;
        consider(mount.version, directory);
      }
    }
  }
  return tightest;
}

}  // namespace lamella::detail
