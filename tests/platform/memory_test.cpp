// Limits of memory, read from file trees as machines and containers show them.
#include "core/platform/memory.h"

#include <sys/resource.h>

#include <string>

#include <lamella/error.h>

#include "core/platform/cgroup.h"
#include "tests/catch.h"
#include "tests/memory_of_process.h"
#include "tests/scratch_directory.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using detail::cgroup_memory;
using detail::memory_room;

constexpr std::uint64_t kMega = 1'000'000;

void write_machine(const ScratchDirectory& root, const std::string& free_swap = "0") {
  root.write("proc/meminfo",
             "MemTotal:       64000000 kB\nMemFree:  1 kB\nMemAvailable: 8000000 kB\n"
             "SwapTotal: " +
                 free_swap + " kB\nSwapFree: " + free_swap +
                 " kB\n"
                 "HugePages_Total:       0\n");
}

void write_v2(const ScratchDirectory& root) {
  root.write("proc/self/cgroup", "0::/a/b\n");
  root.write("proc/self/mountinfo",
             "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  root.write("sys/fs/cgroup/a/b/memory.max", "max\n");
}

TEST_CASE("without control groups the machine is the limit", "[memory]") {
  const ScratchDirectory root;
  CHECK(memory_room(root.path()).limit == "nothing");
  write_machine(root);
  CHECK(memory_room(root.path()).bytes == 64'000'000ULL * 1024);
  CHECK(memory_room(root.path()).limit == "this machine's memory of 65.54 GB");
  // What other programs hold they may give back, but it is tight.
  CHECK(detail::comfortable_memory_room(root.path()).bytes == 8'000'000ULL * 1024 / 10 * 9);
}

TEST_CASE("version 2: what the tightest limit leaves, files in the cache not counted", "[memory]") {
  const ScratchDirectory root;
  write_machine(root);
  write_v2(root);
  CHECK(!cgroup_memory(root.path()).hard);
  root.write("sys/fs/cgroup/a/memory.max", "2000000000\n");
  root.write("sys/fs/cgroup/a/memory.current", "900000000\n");
  root.write("sys/fs/cgroup/a/memory.stat",
             "anon 1\nfile 999999999\ninactive_file 300000000\nactive_file 100000000\n"
             "slab_reclaimable 50000000\nworkingset_activate_file 7\n");
  const auto memory = cgroup_memory(root.path()).hard;
  REQUIRE(memory);
  CHECK(memory->limit == 2000 * kMega);
  CHECK(memory->free == 1550 * kMega);
  CHECK(!memory->free_swap);
  CHECK(memory_room(root.path()).bytes == 1550 * kMega);
  CHECK(memory_room(root.path()).limit == "the control group's limit of 2.00 GB");

  root.write("sys/fs/cgroup/a/b/memory.max", "1000000000\n");
  root.write("sys/fs/cgroup/a/b/memory.current", "1200000000\n");
  CHECK(memory_room(root.path()).bytes == 0);
}

TEST_CASE("version 2: swap counts as far as machine and group have it", "[memory]") {
  const ScratchDirectory root;
  write_machine(root, "1000000");
  write_v2(root);
  root.write("sys/fs/cgroup/a/b/memory.max", "500000000\n");
  CHECK(memory_room(root.path()).bytes == 500 * kMega + 1000000ULL * 1024);
  root.write("sys/fs/cgroup/a/b/memory.swap.max", "300000000\n");
  root.write("sys/fs/cgroup/a/b/memory.swap.current", "100000000\n");
  CHECK(memory_room(root.path()).bytes == 700 * kMega);
  root.write("sys/fs/cgroup/a/b/memory.swap.max", "0\n");
  CHECK(memory_room(root.path()).bytes == 500 * kMega);
}

TEST_CASE("version 2: memory.high makes it tight and nothing else", "[memory]") {
  const ScratchDirectory root;
  write_machine(root);
  write_v2(root);
  root.write("sys/fs/cgroup/a/b/memory.high", "100000000\n");
  CHECK(memory_room(root.path()).bytes == 64'000'000ULL * 1024);
  const auto comfortable = detail::comfortable_memory_room(root.path());
  CHECK(comfortable.bytes == 90 * kMega);
  CHECK(comfortable.limit == "the control group's soft limit of 100.00 MB");
}

TEST_CASE("version 1 has a number where there is no limit", "[memory]") {
  const ScratchDirectory root;
  write_machine(root);
  root.write("proc/self/cgroup", "4:memory:/docker/1\n3:cpu:/x\n");
  root.write("proc/self/mountinfo",
             "33 23 0:30 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(!cgroup_memory(root.path()).hard);
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000000\n");
  root.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "400000000\n");
  root.write("sys/fs/cgroup/memory/memory.stat",
             "inactive_file 1\ntotal_inactive_file 100000000\n");
  CHECK(memory_room(root.path()).bytes == 700 * kMega);
}

TEST_CASE("malformed files set no limit", "[memory]") {
  const ScratchDirectory root;
  write_machine(root);
  write_v2(root);
  for (const char* text : {"", "\n", "-1", "1e9", "99999999999999999999999", "many"}) {
    root.write("sys/fs/cgroup/a/b/memory.max", text);
    CHECK(!cgroup_memory(root.path()).hard);
  }
}

TEST_CASE("more memory than the process may have is refused with both numbers", "[memory]") {
  if (kMemoryIsSanitized) return;
  rlimit old{};
  REQUIRE(getrlimit(RLIMIT_AS, &old) == 0);
  const rlimit tight{rlim_t{1} << 33, old.rlim_max};
  std::string message;
  bool small_amounts = true;
  if (setrlimit(RLIMIT_AS, &tight) != 0) return;
  try {
    detail::require_memory(1000, "a little");
  } catch (const IoError&) {
    small_amounts = false;
  }
  try {
    detail::require_memory(20'000 * kMega, "this");
  } catch (const IoError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_AS, &old);
  CHECK(small_amounts);
  CHECK_THAT(message, ContainsSubstring("this takes 20.00 GB of memory, and "));
  CHECK_THAT(message,
             ContainsSubstring("free (the limit on address space (ulimit -v) of 8.59 GB)"));
}

}  // namespace
}  // namespace lamella::test
