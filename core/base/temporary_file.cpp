// Temporaries with and without a name, their rights and their locks; see temporary_file.h.
#include "core/base/temporary_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/xattr.h>
#endif

#include "core/base/format.h"

namespace lamella::detail {
namespace fs = std::filesystem;
namespace {

// So many processes may write to one target at a time.
constexpr int kMostWriters = 1000;
// What is left over has low numbers, since the lowest free one is taken.
constexpr int kMostStale = 16;
// Kinds of temporaries: one that may be incomplete, and one that is a whole copy.
constexpr const char* kPart = "tmp";
constexpr const char* kCopy = "copy";
constexpr mode_t kPermissions = 0777;

// FNV-1a: short names whatever the length of the target's, the same in every process.
std::uint64_t hash(std::uint64_t value, const void* data, std::size_t size) {
  const auto* const bytes = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < size; ++i) value = (value ^ bytes[i]) * 0x100000001b3U;
  return value;
}

std::string stem_of(const Place& place) {
  struct stat status {};
  ::fstat(place.directory.get(), &status);
  std::uint64_t value = 0xcbf29ce484222325U;
  value = hash(value, &status.st_ino, sizeof status.st_ino);
  value = hash(value, place.name.data(), place.name.size());
  return formatted(".lamella-{:016x}-", value);
}

bool lock(int file) noexcept { return ::flock(file, LOCK_EX | LOCK_NB) == 0; }

// Removes the file `name` if it is ours and its writer is dead. A file system without locks proves
// nothing, so nothing is removed there.
bool remove_if_stale(int directory, const char* name) noexcept {
  const Descriptor file = open_at(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  struct stat status {};
  if (!file.open() || ::fstat(file.get(), &status) != 0) return false;
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || !lock(file.get())) return false;
  // Before the lock another process may have removed it and given the name to its own.
  if (::fstat(file.get(), &status) != 0 || status.st_nlink == 0) return false;
  return ::unlinkat(directory, name, 0) == 0;
}

#if defined(__linux__)
constexpr const char* kAccessList = "system.posix_acl_access";

// Gives `file` the access control list of the file that is replaced, or none, whatever the
// directory gives to new files. Returns false if the old list could not be passed on.
bool pass_on_access_list(int file, const Place& place) {
  const char* const name = place.name.c_str();
  Descriptor old = open_at(place.directory.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!old.open()) old = open_at(place.directory.get(), name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  std::vector<char> list(1 << 16);
  const ssize_t size =
      old.open() ? ::fgetxattr(old.get(), kAccessList, list.data(), list.size()) : -1;
  if (size >= 0)
    return ::fsetxattr(file, kAccessList, list.data(), static_cast<std::size_t>(size), 0) == 0;
  const bool none = old.open() && (errno == ENODATA || errno == EOPNOTSUPP);
  ::fremovexattr(file, kAccessList);
  return none;
}
#else
bool pass_on_access_list(int, const Place&) { return true; }
#endif

}  // namespace

TemporaryFile::TemporaryFile(const OutputTarget& target, TemporaryKind kind)
    : path_(target.path), stem_(stem_of(target.place)) {
  // Only the owner may read it, until it has the rights of the file that it replaces.
  const unsigned mode = target.existing ? 0600 : 0666;
  directory_ = open_at(target.place.directory.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!directory_.open())  // no right to list it
    directory_ = Descriptor(::fcntl(target.place.directory.get(), F_DUPFD_CLOEXEC, 0));
  parent_ = target.path.parent_path();
  try {
    create(kind, mode);
  } catch (const std::exception&) {
    if (target.method != OutputMethod::overwrite) throw;
    std::error_code error;
    parent_ = fs::temp_directory_path(error);
    if (!error) directory_ = open_at(AT_FDCWD, parent_.c_str(), O_RDONLY | O_DIRECTORY);
    if (error || !directory_.open()) throw;
    create(kind, mode);
  }
  if (!target.existing || target.method != OutputMethod::replace) return;
  try {
    pass_on(*target.existing, target.place);
  } catch (const std::exception&) {
    discard();
    throw;
  }
}

void TemporaryFile::create([[maybe_unused]] TemporaryKind kind, unsigned mode) {
#if defined(O_TMPFILE)
  if (kind == TemporaryKind::nameless)
    file_ = open_at(directory_.get(), ".", O_TMPFILE | O_RDWR, mode);
  if (file_.open()) {
    lock(file_.get());
    return;
  }
#endif
  create_with_name(mode);
}

void TemporaryFile::create_with_name(unsigned mode) {
  for (int number = 0; number < kMostWriters; ++number) {
    std::string name = candidate(number, kPart);
    remove_if_stale(directory_.get(), name.c_str());
    Descriptor file = open_at(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL, mode);
    if (!file.open() && errno == EEXIST) continue;
    if (!file.open()) throw_io_error(path_, "write", errno);
    // Another process may take it for stale before it is locked.
    struct stat status {};
    const bool locked = lock(file.get()) || errno != EWOULDBLOCK;
    if (!locked || ::fstat(file.get(), &status) != 0 || status.st_nlink == 0) continue;
    file_ = std::move(file);
    name_ = std::move(name);
    return;
  }
  throw_io_error(path_, "write", EEXIST);
}

// The owner first, since a change of owner takes bits off the mode; the mode last, since until then
// only the owner may read the file.
void TemporaryFile::pass_on(const struct stat& old, const Place& place) {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw_io_error(path_, "write", errno);
  mode_t mode = old.st_mode & kPermissions;
  const auto others_for_group = [&mode] { mode &= ~mode_t{070} | ((mode & 07U) << 3); };
  const bool same = status.st_uid == old.st_uid && status.st_gid == old.st_gid;
  if (!same && ::fchown(file_.get(), old.st_uid, old.st_gid) != 0 &&
      ::fchown(file_.get(), static_cast<uid_t>(-1), old.st_gid) != 0)
    others_for_group();  // the rights of a group that this user is no member of
  if (!pass_on_access_list(file_.get(), place)) others_for_group();
  if (::fchmod(file_.get(), mode) != 0) {
    // A file system without modes, such as FAT: all files have the same.
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
      throw_io_error(path_, "write", errno);
  }
}

std::string TemporaryFile::candidate(int number, const char* kind) const {
  return formatted("{}{}.{}", stem_, number, kind);
}

void TemporaryFile::sync() {
  if (!sync_file(file_.get())) throw_io_error(path_, "write", errno);
}

bool TemporaryFile::link_as(const char* target) noexcept {
  if (!name_.empty()) return false;
#if defined(AT_EMPTY_PATH)
  // By its descriptor takes a privilege; by /proc takes a /proc.
  if (::linkat(file_.get(), "", directory_.get(), target, AT_EMPTY_PATH) == 0) return true;
  if (errno == EEXIST) return false;
  std::array<char, 40> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", file_.get());
  return ::linkat(AT_FDCWD, link.data(), directory_.get(), target, AT_SYMLINK_FOLLOW) == 0;
#else
  return false;
#endif
}

void TemporaryFile::show() {
  for (int number = 0; name_.empty() && number < kMostWriters; ++number) {
    std::string name = candidate(number, kPart);
    remove_if_stale(directory_.get(), name.c_str());
    if (link_as(name.c_str()))
      name_ = std::move(name);
    else if (errno != EEXIST)
      return copy_to_named();
  }
  if (name_.empty()) throw_io_error(path_, "write", EEXIST);
}

// For systems that make files without a name and then cannot give them one.
void TemporaryFile::copy_to_named() {
  const Descriptor from = std::move(file_);
  struct stat status {};
  if (::fstat(from.get(), &status) != 0) throw_io_error(path_, "write", errno);
  create_with_name(0600);
  std::array<std::byte, 1 << 14> buffer{};
  for (off_t done = 0; done < status.st_size;) {
    const ssize_t count = ::pread(from.get(), buffer.data(), buffer.size(), done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw_io_error(path_, "write", count == 0 ? EIO : errno);
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(count));
    if (write_until_error(file_.get(), bytes) != 0) throw_io_error(path_, "write", errno);
    done += count;
  }
  mode_t mode = status.st_mode & kPermissions;
  if (::fchown(file_.get(), status.st_uid, status.st_gid) != 0) mode &= 0700;
  (void)::fchmod(file_.get(), mode);
  sync();
}

void TemporaryFile::show_as_copy() {
  show();
  for (int number = 0; number < kMostWriters; ++number) {
    std::string name = candidate(number, kCopy);
    if (::faccessat(directory_.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) continue;
    if (::renameat(directory_.get(), name_.c_str(), directory_.get(), name.c_str()) != 0)
      throw_io_error(path_, "write", errno);
    name_ = std::move(name);
    return;
  }
  throw_io_error(path_, "write", EEXIST);
}

fs::path TemporaryFile::keep() {
  std::string name = stem_ + "kept";
  if (::renameat(directory_.get(), name_.c_str(), directory_.get(), name.c_str()) == 0)
    name_ = std::move(name);
  file_.close();
  return parent_ / std::exchange(name_, {});
}

bool TemporaryFile::close() noexcept { return file_.close(); }

void TemporaryFile::discard() noexcept {
  if (!name_.empty()) ::unlinkat(directory_.get(), name_.c_str(), 0);
  name_.clear();
  file_.close();
}

void TemporaryFile::remove_stale() const noexcept {
  try {
    for (const char* const kind : {kPart, kCopy})
      for (int number = 0; number < kMostStale; ++number)
        remove_if_stale(directory_.get(), candidate(number, kind).c_str());
  } catch (const std::exception&) {  // no memory for a name: the next writer removes them
  }
}

}  // namespace lamella::detail
