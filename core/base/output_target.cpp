// Following paths by descriptors of directories; see output_target.h.
#include "core/base/output_target.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>

#if defined(__linux__)
#include <sys/vfs.h>

#include <linux/magic.h>
#endif

#include <lamella/error.h>

#include "core/base/format.h"

namespace lamella::detail {
namespace fs = std::filesystem;
namespace {

constexpr int kMostLinks = 40;  // as Linux has it
#if defined(O_PATH)
constexpr int kDirectory = O_PATH | O_DIRECTORY;  // may be searched, need not be readable
#else
constexpr int kDirectory = O_RDONLY | O_DIRECTORY;
#endif

bool on_proc([[maybe_unused]] int directory) {
#if defined(__linux__)
  struct statfs status {};
  return ::fstatfs(directory, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
#else
  return false;
#endif
}

bool same_directory(int a, const char* b) {
  struct stat first {
  }, second{};
  return ::fstat(a, &first) == 0 && ::stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

std::optional<int> descriptor_number(const Place& place) {
  if (!same_directory(place.directory.get(), "/proc/self/fd") &&
      !same_directory(place.directory.get(), "/proc/thread-self/fd"))
    return std::nullopt;
  int number = -1;
  const char* const end = place.name.data() + place.name.size();
  const auto parsed = std::from_chars(place.name.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number < 0) return std::nullopt;
  return number;
}

// The kernel's word on a file's name, beyond its permissions.
struct NameProperties {
  bool mounted = false;       // the name is a mount point: no rename can replace it
  bool unchangeable = false;  // immutable or append-only
};

NameProperties name_properties(const Place& place, const struct stat& file) {
  NameProperties result;
  struct stat directory {};
  result.mounted =
      ::fstat(place.directory.get(), &directory) == 0 && directory.st_dev != file.st_dev;
#if defined(STATX_ATTR_MOUNT_ROOT)
  struct statx more {};
  if (::statx(place.directory.get(), place.name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_MODE, &more) ==
      0) {
    const auto known = more.stx_attributes & more.stx_attributes_mask;
    result.unchangeable = (known & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;
    // Overlays may show files and directories as of different devices, so this word goes first.
    if ((more.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
      result.mounted = (known & STATX_ATTR_MOUNT_ROOT) != 0;
  }
#endif
  return result;
}

// Whether the sticky bit of the directory keeps this user from renaming onto the file.
bool is_sticky(const struct stat& directory, const struct stat& file) {
  const uid_t user = ::geteuid();
  return (directory.st_mode & S_ISVTX) != 0 && user != 0 && user != file.st_uid &&
         user != directory.st_uid;
}

void choose_method(OutputTarget& target, const struct stat& file) {
  const Place& place = target.place;
  const int directory = place.directory.get();
  if ((file.st_mode & 0222) == 0)
    throw IoError(
        formatted("{}: cannot write: the file is read-only (mode {:04o}); `chmod u+w` "
                  "makes it writable",
                  target.path.string(), file.st_mode & 07777U));
  if (::faccessat(directory, place.name.c_str(), W_OK, AT_EACCESS) != 0)
    throw_io_error(target.path, "write", errno);
  const NameProperties properties = name_properties(place, file);
  if (properties.unchangeable) throw_io_error(target.path, "write", EPERM);
  struct stat parent {};
  if (::fstat(directory, &parent) != 0) throw_io_error(target.path, "write", errno);
  const bool fixed = properties.mounted || is_sticky(parent, file) ||
                     ::faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) != 0;
  target.method = fixed ? OutputMethod::overwrite : OutputMethod::replace;
  target.existing = file;
}

}  // namespace

Place find_place(const fs::path& path) {
  Place place;
  int base = AT_FDCWD;
  fs::path rest = path;
  for (int links = 0;; ++links) {
    const fs::path parent = rest.parent_path();
    place.directory = open_at(base, parent.empty() ? "." : parent.c_str(), kDirectory);
    if (!place.directory.open()) return place;
    place.name = rest.filename().string();
    base = place.directory.get();
    char text[PATH_MAX];
    const ssize_t length = ::readlinkat(base, place.name.c_str(), text, sizeof text);
    if (length < 0) {
      if (errno == EINVAL || errno == ENOENT) return place;  // no link, or nothing yet
      break;
    }
    if (on_proc(base)) {
      place.proc_link = true;
      place.own = descriptor_number(place);
      return place;
    }
    if (links == kMostLinks) {
      errno = ELOOP;
      break;
    }
    rest = std::string(text, static_cast<std::size_t>(length));
  }
  const int error = errno;
  place.directory = Descriptor();
  errno = error;
  return place;
}

std::optional<int> own_descriptor(const fs::path& path) { return find_place(path).own; }

OutputTarget find_output_target(const fs::path& path) {
  OutputTarget target;
  target.path = path;
  target.place = find_place(path);
  const Place& place = target.place;
  if (!place.directory.open()) throw_io_error(path, "write", errno);
  if (place.own) {
    const int flags = ::fcntl(*place.own, F_GETFL);
    struct stat status {};
    if (flags < 0 || ::fstat(*place.own, &status) != 0) throw_io_error(path, "write", errno);
    if (S_ISDIR(status.st_mode)) throw_io_error(path, "write", EISDIR);
    if ((flags & O_ACCMODE) == O_RDONLY)
      throw IoError(formatted("{}: cannot write: descriptor {} is open for reading only",
                              path.string(), *place.own));
    target.method = OutputMethod::descriptor;
    return target;
  }
  struct stat status {};
  if (::fstatat(place.directory.get(), place.name.c_str(), &status,
                place.proc_link ? 0 : AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(status.st_mode)) throw_io_error(path, "write", EISDIR);
    if (S_ISREG(status.st_mode) && !place.proc_link) {
      choose_method(target, status);
      return target;
    }
    if (S_ISSOCK(status.st_mode)) throw_io_error(path, "write", ENXIO);
    target.method = OutputMethod::stream;
    if (::faccessat(place.directory.get(), place.name.c_str(), W_OK, AT_EACCESS) != 0)
      throw_io_error(path, "write", errno);
    return target;
  }
  if (errno != ENOENT) throw_io_error(path, "write", errno);
  if (path.empty() || place.proc_link) throw_io_error(path, "write", ENOENT);
  if (place.name.empty()) throw_io_error(path, "write", EISDIR);
  // A directory that was removed while it is a process's current one still looks writable.
  struct stat parent {};
  if (::fstat(place.directory.get(), &parent) != 0) throw_io_error(path, "write", errno);
  if (parent.st_nlink == 0) throw_io_error(path, "write", ENOENT);
  if (::faccessat(place.directory.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
    throw_io_error(path, "write", errno);
  return target;
}

Descriptor open_in_place(const OutputTarget& target) {
  Descriptor file;
  if (target.method == OutputMethod::descriptor)
    file = Descriptor(::fcntl(*target.place.own, F_DUPFD_CLOEXEC, 0));
  else
    file = open_at(target.place.directory.get(), target.place.name.c_str(),
                   O_WRONLY | (target.method == OutputMethod::replace ? O_CREAT : 0), 0666);
  if (!file.open()) throw_io_error(target.path, "write", errno);
  return file;
}

std::optional<FileIdentity> identity_of(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino, {}, status.st_mode & S_IFMT};
}

std::optional<FileIdentity> identity_of(const fs::path& path) {
  const Place place = find_place(path);
  if (!place.directory.open()) return std::nullopt;
  if (place.own) return identity_of(*place.own);
  struct stat status {};
  if (::fstatat(place.directory.get(), place.name.empty() ? "." : place.name.c_str(), &status, 0) ==
      0)
    return FileIdentity{status.st_dev, status.st_ino, {}, status.st_mode & S_IFMT};
  if (::fstat(place.directory.get(), &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino, place.name, 0};
}

}  // namespace lamella::detail
