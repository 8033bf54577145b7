// CPU quotas of control groups, read from file trees as containers of both versions show them.
#include "core/platform/cgroup.h"

#include <string>

#include "tests/catch.h"
#include "tests/scratch_directory.h"

namespace lamella::test {
namespace {

using detail::cgroup_cpu_quota;
using detail::CgroupVersion;

const std::string kV2Mount =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST_CASE("cpu.max is a quota and a period", "[cgroup]") {
  using detail::parse_cpu_max;
  CHECK(parse_cpu_max("150000 100000\n") == 1.5);
  CHECK(parse_cpu_max("50000 100000") == 0.5);
  CHECK(parse_cpu_max("-1\n 100000\n") == std::nullopt);
  for (const char* text :
       {"", "\n", "max 100000\n", "max", "100000", "100000 ", "0 100000", "100000 0", "-1 100000",
        "1e5 100000", "100000 100000 1", "x y", "99999999999999999999 100000"}) {
    CAPTURE(text);
    CHECK(parse_cpu_max(text) == std::nullopt);
  }
}

TEST_CASE("/proc/self/cgroup names the groups that may have a CPU quota", "[cgroup]") {
  const auto groups = detail::parse_proc_cgroup(
      "12:cpuset:/a\n4:cpu,cpuacct:/docker/1:2\n3:cpuacct:/c\n1:name=systemd:/d\n0::/user.slice\n"
      "no colons\n5:cpu\n6:cpu:relative\n7:cpu:\n",
      "cpu");
  REQUIRE(groups.size() == 2);
  CHECK((groups[0].version == CgroupVersion::v1 && groups[0].path == "/docker/1:2"));
  CHECK((groups[1].version == CgroupVersion::v2 && groups[1].path == "/user.slice"));
}

TEST_CASE("mountinfo names the hierarchies, with any number of optional fields", "[cgroup]") {
  const auto mounts = detail::parse_mountinfo(
      "22 1 0:20 / /proc rw - proc proc rw\n"
      "31 23 0:28 / /sys/fs/cgroup/cpu\\040x rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
      "32 23 0:29 /g /sys/fs/cgroup/b rw shared:1 master:2 - cgroup2 none rw\n"
      "33 23 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "34 23 0:31 / /x rw - cgroup2\n35 23 - cgroup2 a b\n-\n\n",
      "cpu");
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[0].version == CgroupVersion::v1);
  CHECK(mounts[0].mount_point == "/sys/fs/cgroup/cpu x");
  CHECK(mounts[1].version == CgroupVersion::v2);
  CHECK(mounts[1].root == "/g");
}

TEST_CASE("version 2: the tightest quota of the group and its ancestors counts", "[cgroup]") {
  const ScratchDirectory root;
  root.write("proc/self/cgroup", "0::/a.slice/b.service\n");
  root.write("proc/self/mountinfo", kV2Mount);
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);

  root.write("sys/fs/cgroup/a.slice/b.service/cpu.max", "max 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);
  root.write("sys/fs/cgroup/a.slice/cpu.max", "250000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 2.5);
  root.write("sys/fs/cgroup/a.slice/b.service/cpu.max", "300000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 2.5);
  root.write("sys/fs/cgroup/a.slice/b.service/cpu.max", "150000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 1.5);
  root.write("sys/fs/cgroup/a.slice/other/cpu.max", "10000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 1.5);
}

TEST_CASE("version 2 in a container with a namespace: its own group is the root", "[cgroup]") {
  const ScratchDirectory root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write("proc/self/mountinfo", kV2Mount);
  root.write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 0.5);
}

TEST_CASE("version 1 without a namespace: the mount's root is the container's group", "[cgroup]") {
  const ScratchDirectory root;
  root.write("proc/self/cgroup", "5:memory:/docker/12\n4:cpu,cpuacct:/docker/12\n");
  root.write("proc/self/mountinfo",
             "40 23 0:30 /docker/12 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
             "41 23 0:31 /docker/12 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup "
             "rw,cpu,cpuacct\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "120000\n");
  CHECK(cgroup_cpu_quota(root.path()) == 1.2);
}

TEST_CASE("both versions mounted: each is read for its own group", "[cgroup]") {
  const ScratchDirectory root;
  root.write("proc/self/cgroup", "1:cpu:/job\n0::/unified\n");
  root.write("proc/self/mountinfo",
             "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
             "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  root.write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "50000");
  root.write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "200000");
  root.write("sys/fs/cgroup/cpu/unified/cpu.cfs_period_us", "50000");
  root.write("sys/fs/cgroup/cpu/unified/cpu.cfs_quota_us", "10000");
  CHECK(cgroup_cpu_quota(root.path()) == 4.0);
  root.write("sys/fs/cgroup/unified/unified/cpu.max", "300000 100000");
  CHECK(cgroup_cpu_quota(root.path()) == 3.0);
}

TEST_CASE("a mount of somebody else's group is not ours, one above our namespace is", "[cgroup]") {
  const ScratchDirectory root;
  root.write("proc/self/cgroup", "0::/mine\n");
  root.write("proc/self/mountinfo", "30 23 0:26 /theirs /mnt rw - cgroup2 cgroup2 rw\n");
  root.write("mnt/cpu.max", "100000 100000\n");
  root.write("mnt/mine/cpu.max", "100000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);
  root.write("proc/self/mountinfo", "30 23 0:26 /../.. /mnt rw - cgroup2 cgroup2 rw\n");
  CHECK(cgroup_cpu_quota(root.path()) == 1.0);
}

TEST_CASE("files that are missing or nonsense mean that no quota is known", "[cgroup]") {
  const ScratchDirectory root;
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);
  root.write("proc/self/cgroup", std::string(1000, '\0') + "0::/a\n:::\n0::\n");
  root.write("proc/self/mountinfo", kV2Mount + std::string("\xff\xfe - - - -\n\0", 12));
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);
  root.write("proc/self/cgroup", "0::/a/../../../etc\n");
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);
  std::filesystem::create_directories(root.path() / "sys/fs/cgroup/cpu.max");  // not a file
  CHECK(cgroup_cpu_quota(root.path()) == std::nullopt);
}

}  // namespace
}  // namespace lamella::test
