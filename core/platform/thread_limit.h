// lamella::thread_limit() with the root of the file system as a parameter, for tests.
#ifndef LAMELLA_CORE_PLATFORM_THREAD_LIMIT_H_
#define LAMELLA_CORE_PLATFORM_THREAD_LIMIT_H_

#include <filesystem>

#include <lamella/backend_selection.h>

namespace lamella::detail {

/// As lamella::thread_limit(requested), with /proc and the cgroup mounts read below `root`.
ThreadLimit thread_limit_below(const std::filesystem::path& root, int requested);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_THREAD_LIMIT_H_
