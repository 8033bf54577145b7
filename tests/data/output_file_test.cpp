// OutputFile: rights that pass on, names and places that are hard, processes that die, other
// writers, and what is no regular file.
#include "core/base/output_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/xattr.h>
#endif

#include <atomic>
#include <csignal>
#include <iterator>
#include <thread>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;

constexpr TemporaryKind kKinds[] = {TemporaryKind::nameless, TemporaryKind::named};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

void replace(const fs::path& path, const std::string& content,
             TemporaryKind kind = TemporaryKind::nameless) {
  OutputFile file(path, kind);
  file.write(bytes_of(content));
  file.commit();
}

std::ptrdiff_t entries(const fs::path& directory) {
  return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

struct stat status_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status;
}

/// The names in a directory that begin as temporaries do.
std::ptrdiff_t temporaries(const fs::path& directory) {
  std::ptrdiff_t count = 0;
  for (const auto& entry : fs::directory_iterator(directory))
    count += entry.path().filename().string().starts_with(".lamella-") ? 1 : 0;
  return count;
}

/// Runs `work` in a child that must exit with 0; returns how it ended.
template <class Work>
int in_child(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

/// A child whose effective user is not root; exits with 77 if root cannot become another.
template <class Work>
int as_another_user(const Work& work) {
  return in_child([&] {
    if (::geteuid() == 0 && (::setegid(65534) != 0 || ::seteuid(65534) != 0)) ::_exit(77);
    try {
      work();
    } catch (const std::exception& error) {
      std::fputs(error.what(), stderr);
      ::_exit(1);
    }
  });
}

TEST_CASE("a file that is replaced passes on its mode", "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  for (const TemporaryKind kind : kKinds)
    for (const mode_t mode : {0600U, 0640U, 0660U, 0664U, 0644U, 0666U, 0200U}) {
      REQUIRE(::chmod(path.c_str(), mode) == 0);
      replace(path, "new", kind);
      CHECK((status_of(path).st_mode & 07777) == mode);
    }
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("the temporary is never open to more people than the file", "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  const OutputFile file(path, TemporaryKind::named);
  std::ptrdiff_t found = 0;
  for (const auto& entry : fs::directory_iterator(directory.path()))
    if (entry.path() != path) {
      ++found;
      CHECK((status_of(entry.path()).st_mode & 07777) == 0600);
    }
  CHECK(found == 1);
}

TEST_CASE("a file that is replaced passes on its owner and group", "[file]") {
  if (::geteuid() != 0) {
    WARN("only root can give files away");
    return;
  }
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  REQUIRE(::chown(path.c_str(), 12345, 54321) == 0);
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  replace(path, "new");
  const struct stat status = status_of(path);
  CHECK(status.st_uid == 12345);
  CHECK(status.st_gid == 54321);
  CHECK((status.st_mode & 07777) == 0640);
}

TEST_CASE("a group that cannot be passed on does not pass its rights to another", "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  if (::chown(path.c_str(), 65534, 54321) != 0) {
    WARN("only root can give files away");
    return;
  }
  REQUIRE(::chmod(path.c_str(), 0664) == 0);
  fs::permissions(directory.path(), fs::perms::all);
  const int status = as_another_user([&] { replace(path, "new"); });
  if (WEXITSTATUS(status) == 77) return;
  REQUIRE(status == 0);
  CHECK(read_file(path) == "new");
  CHECK((status_of(path).st_mode & 07777) == 0644);
}

#if defined(__linux__)
TEST_CASE("access control lists pass on, and those of the directory do not get in", "[file]") {
  // Version 2, then entries of tag, rights and user: owner rw, user 1234 r, group none, mask r,
  // others none.
  const auto entry = [](std::uint16_t tag, std::uint16_t rights, std::uint32_t id) {
    return little_endian(tag) + little_endian(rights) + little_endian(id);
  };
  constexpr std::uint32_t kNone = 0xffffffff;
  const std::string list = little_endian(std::uint32_t{2}) + entry(1, 6, kNone) +
                           entry(2, 4, 1234) + entry(4, 0, kNone) + entry(16, 4, kNone) +
                           entry(32, 0, kNone);
  const char* const access = "system.posix_acl_access";
  const ScratchDirectory directory;
  const auto listed = write_file(directory, "listed", "old");
  const auto plain = write_file(directory, "plain", "old");
  REQUIRE(::chmod(plain.c_str(), 0640) == 0);
  if (::setxattr(listed.c_str(), access, list.data(), list.size(), 0) != 0) {
    WARN("no access control lists on this file system");
    return;
  }
  REQUIRE(::setxattr(directory.path().c_str(), "system.posix_acl_default", list.data(), list.size(),
                     0) == 0);
  for (const TemporaryKind kind : kKinds) {
    replace(listed, "new", kind);
    std::string read(100, '\0');
    const ssize_t size = ::getxattr(listed.c_str(), access, read.data(), read.size());
    CHECK(read.substr(0, static_cast<std::size_t>(std::max<ssize_t>(size, 0))) == list);
    replace(plain, "new", kind);
    CHECK(::getxattr(plain.c_str(), access, read.data(), read.size()) == -1);
    CHECK((status_of(plain).st_mode & 07777) == 0640);
  }
}
#endif

TEST_CASE("a read-only file is refused, to root as well", "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  REQUIRE(::chmod(path.c_str(), 0444) == 0);
  CHECK_THAT(message_of<IoError>([&] { replace(path, "new"); }),
             ContainsSubstring("out: cannot write: the file is read-only (mode 0444)"));
  CHECK(read_file(path) == "old");
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("a file in a directory that may not be written to is overwritten", "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", std::string(3'000'000, 'o'));
  fs::permissions(path, fs::perms::all);
  fs::permissions(directory.path(),
                  fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  const ino_t inode = status_of(path).st_ino;
  const std::string content(2'500'000, 'n');
  if (::geteuid() != 0) fs::permissions(directory.path(), fs::perms(0555));
  const int status = as_another_user([&] { replace(path, content); });
  fs::permissions(directory.path(), fs::perms::owner_all);
  if (WEXITSTATUS(status) == 77) return;
  REQUIRE(status == 0);
  CHECK(read_file(path) == content);
  CHECK(status_of(path).st_ino == inode);
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("names of any length that the system allows", "[file]") {
  const ScratchDirectory directory;
  for (const TemporaryKind kind : kKinds)
    for (const std::size_t length : {200U, 243U, 248U, 254U, 255U}) {
      const auto path = directory.path() / std::string(length, 'n');
      replace(path, "first", kind);
      replace(path, "second", kind);
      CHECK(read_file(path) == "second");
    }
  CHECK(entries(directory.path()) == 5);
}

TEST_CASE("paths of nearly the greatest length", "[file]") {
  const ScratchDirectory directory;
  fs::path path = directory.path();
  while (path.string().size() + 252 < 4095) {
    path /= std::string(250, 'd');
    fs::create_directory(path);
  }
  path /= std::string(4095 - path.string().size() - 1, 'n');
  REQUIRE(path.string().size() == 4095);
  for (const TemporaryKind kind : kKinds) {
    replace(path, "first", kind);
    replace(path, "second", kind);
    CHECK(read_file(path) == "second");
  }
  CHECK(entries(path.parent_path()) == 1);
}

TEST_CASE("the place is that of the start, wherever the process has gone", "[file]") {
  const ScratchDirectory directory;
  const auto before = fs::current_path();
  fs::current_path(directory.path());
  {
    OutputFile file("plain");
    fs::current_path(before);
    file.write(bytes_of("x"));
    file.commit();
  }
  CHECK(read_file(directory.path() / "plain") == "x");
}

TEST_CASE("a directory that is removed meanwhile is an error", "[file]") {
  const ScratchDirectory directory;
  const auto gone = directory.path() / "gone";
  fs::create_directory(gone);
  OutputFile file(gone / "out");
  file.write(bytes_of("x"));
  fs::remove_all(gone);
  CHECK_THAT(message_of<IoError>([&] { file.commit(); }),
             ContainsSubstring("out: cannot write: No such file"));
}

TEST_CASE("a process that is killed leaves nothing where the system can help it", "[file]") {
  const ScratchDirectory directory;
  const int probe = ::open(directory.path().c_str(), O_TMPFILE | O_RDWR, 0600);
  if (probe < 0) {
    WARN("this file system makes no files without a name");
    return;
  }
  ::close(probe);
  const auto path = write_file(directory, "out", "old");
  for (const int signal : {SIGKILL, SIGHUP, SIGQUIT, SIGUSR1, SIGTERM, SIGXCPU}) {
    const int status = in_child([&] {
      const rlimit no_core{0, 0};
      ::setrlimit(RLIMIT_CORE, &no_core);
      OutputFile file(path);
      file.write(bytes_of("new"));
      std::signal(signal, SIG_DFL);  // Catch2 has handlers of its own
      ::raise(signal);
    });
    CHECK(WIFSIGNALED(status));
    CHECK(entries(directory.path()) == 1);
  }
  CHECK(read_file(path) == "old");
}

TEST_CASE("what dead processes left is removed by the next, what live ones write is not",
          "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  const auto other = write_file(directory, "other", "old");
  const auto abandon = [](const fs::path& target) {
    const int status = in_child([&] {
      OutputFile file(target, TemporaryKind::named);
      file.write(bytes_of("new"));
      ::raise(SIGKILL);
    });
    CHECK(WIFSIGNALED(status));
  };
  for (int i = 0; i < 3; ++i) abandon(path);
  abandon(other);
  CHECK(temporaries(directory.path()) == 2);  // each takes the place of the one before
  {
    OutputFile live(path, TemporaryKind::named);
    live.write(bytes_of("from the live one"));
    CHECK(temporaries(directory.path()) == 2);
    replace(path, "from another");
    CHECK(temporaries(directory.path()) == 2);
    CHECK(read_file(path) == "from another");
    live.commit();
  }
  CHECK(read_file(path) == "from the live one");
  CHECK(temporaries(directory.path()) == 1);  // of the other file
  replace(other, "new");
  CHECK(temporaries(directory.path()) == 0);
}

TEST_CASE("files of others are not taken for left over", "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  std::vector<fs::path> kept;
  for (const char* name : {".lamella-1234-0.tmp", ".lamella-0123456789abcdef-0.tmp", ".out.tmp"})
    kept.push_back(write_file(directory, name, "x"));
  replace(path, "new");
  for (const auto& file : kept) CHECK(fs::exists(file));
}

TEST_CASE("many writers at a time: each file is whole, the last one stays", "[file]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "out";
  std::atomic<int> failures{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; i < 8; ++i) {
        try {
          replace(path, std::string(100'000, static_cast<char>('a' + w)), kKinds[i % 2]);
        } catch (const IoError&) {
          ++failures;
        }
        const std::string read = read_file(path);
        if (read != std::string(100'000, read.empty() ? '?' : read[0])) ++failures;
      }
    });
  for (std::thread& writer : writers) writer.join();
  CHECK(failures == 0);
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("pipes, sockets and files behind a descriptor", "[file]") {
  const auto name = [](int fd) { return "/dev/fd/" + std::to_string(fd); };
  const std::string text = "content";
  std::string read(20, '\0');
  int ends[2];

  REQUIRE(::pipe(ends) == 0);
  replace(name(ends[1]), text);
  CHECK(::read(ends[0], read.data(), read.size()) == 7);
  CHECK(read.starts_with(text));
  CHECK_THAT(message_of<IoError>([&] { replace(name(ends[0]), text); }),
             ContainsSubstring("is open for reading only"));
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK_THAT(message_of<IoError>([&] { replace(name(ends[1]), text); }),
             ContainsSubstring("cannot write: No such file"));

  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  replace(name(ends[1]), text);
  CHECK(::read(ends[0], read.data(), read.size()) == 7);
  replace(name(ends[0]), text);
  CHECK(InputFile(name(ends[1])).read(std::as_writable_bytes(std::span(read)).first(7)) == 7);
  ::close(ends[0]);
  ::close(ends[1]);

  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "before ");
  const auto link = directory.path() / "link";
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND);
  fs::create_symlink(name(fd), link);
  replace(name(fd), text);
  replace(link, text);
  CHECK(read_file(path) == "before contentcontent");
  CHECK(::write(fd, " after", 6) == 6);
  CHECK(read_file(path) == "before contentcontent after");
  ::close(fd);
  CHECK(entries(directory.path()) == 2);
}

TEST_CASE("a pipe that is full for a while, and does not block", "[file]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
  const std::string content(1'000'000, 'x');
  std::size_t received = 0;
  std::thread reader([&] {
    std::string part(50'000, '\0');
    for (ssize_t count; (count = ::read(ends[0], part.data(), part.size())) > 0;)
      received += static_cast<std::size_t>(count);
  });
  replace("/dev/fd/" + std::to_string(ends[1]), content);
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);
  CHECK(received == content.size());
}

TEST_CASE("a named pipe is written to, not replaced", "[file]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::string read;
  std::thread reader([&] { read = read_file(path); });
  replace(path, "content");
  reader.join();
  CHECK(read == "content");
  CHECK(fs::is_fifo(path));
}

std::atomic<int> interruptions{0};

TEST_CASE("signals that interrupt reading lose nothing", "[file]") {
  struct sigaction action {
  }, old{};
  action.sa_handler = [](int) { ++interruptions; };  // and no SA_RESTART
  REQUIRE(::sigaction(SIGUSR1, &action, &old) == 0);
  const std::string values(200, 'v');
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (200, 1)}\n";
  const std::string file = std::string("\x93NUMPY\x01\x00", 8) +
                           little_endian(static_cast<std::uint16_t>(header.size())) + header +
                           values;
  for (const std::string& content : {file, gzipped(file)}) {
    const ScratchDirectory directory;
    const auto path = directory.path() / "pipe.npy";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const pthread_t reader = ::pthread_self();
    std::thread writer([&] {
      const int fd = ::open(path.c_str(), O_WRONLY);
      for (const char byte : content) {
        const int before = interruptions;
        ::pthread_kill(reader, SIGUSR1);
        while (interruptions == before) std::this_thread::yield();
        if (::write(fd, &byte, 1) != 1) break;
      }
      ::close(fd);
    });
    std::string message;
    NdArray array;
    try {
      array = read_npy(path);
    } catch (const Error& error) {
      message = error.what();
      // Lets the writer end.
      const int rest = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
      writer.join();
      ::close(rest);
    }
    if (writer.joinable()) writer.join();
    CHECK(message.empty());
    CHECK(array.shape == std::vector<index_t>{200, 1});
  }
  ::sigaction(SIGUSR1, &old, nullptr);
}

}  // namespace
}  // namespace lamella::test
