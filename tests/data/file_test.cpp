// OutputFile: the old file or the whole new one, whatever goes wrong; and InputFile's refusals.
//
// Not here: what the new file takes over from the old one, and special files
// (output_file_test.cpp).
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <iterator>

#include <lamella/error.h>

#include "core/base/output_file.h"
#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

void replace(const fs::path& path, const std::string& content) {
  OutputFile file(path);
  file.write(bytes_of(content));
  file.commit();
}

std::ptrdiff_t entries(const fs::path& directory) {
  return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

// While it lives, no file of this process grows beyond `bytes`: a disk that is full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int) = nullptr;
};

// Root may do what permissions forbid: while this lives, the effective user is another.
class NotRoot {
 public:
  NotRoot() : was_root_(geteuid() == 0), changed_(was_root_ && seteuid(65534) == 0) {}
  ~NotRoot() {
    if (changed_ && seteuid(0) != 0) std::abort();
  }
  NotRoot(const NotRoot&) = delete;
  NotRoot& operator=(const NotRoot&) = delete;
  bool effective() const { return !was_root_ || changed_; }

 private:
  bool was_root_;
  bool changed_;
};

TEST_CASE("a file is replaced as a whole, and nothing is left behind", "[file]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "out";
  replace(path, "first");
  CHECK(read_file(path) == "first");
  replace(path, "2");
  CHECK(read_file(path) == "2");
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("without commit the old file stays", "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  {
    OutputFile file(path);
    file.write(bytes_of("new"));
    CHECK(read_file(path) == "old");
  }
  CHECK(read_file(path) == "old");
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("a full disk leaves the old file and no temporary", "[file]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "out", "old");
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = message_of<IoError>([&] { replace(path, std::string(5000, 'x')); });
  }
  CHECK_THAT(message, ContainsSubstring(path.string() + ": cannot write: File too large"));
  CHECK(read_file(path) == "old");
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("a new file has the mode that umask leaves", "[file]") {
  const ScratchDirectory directory;
  const mode_t old_mask = umask(027);
  replace(directory.path() / "out", "x");
  umask(old_mask);
  struct stat status {};
  REQUIRE(stat((directory.path() / "out").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("a symbolic link is followed, also one that leads nowhere yet", "[file]") {
  const ScratchDirectory directory;
  fs::create_directory(directory.path() / "elsewhere");
  const auto target = directory.path() / "elsewhere" / "target";
  const auto link = directory.path() / "link";
  fs::create_symlink(target, link);
  fs::create_symlink("link", directory.path() / "link to link");
  for (const std::string content : {"created", "replaced", "again"}) {
    replace(content == "again" ? directory.path() / "link to link" : link, content);
    CHECK(fs::is_symlink(link));
    CHECK(read_file(target) == content);
  }
  CHECK(entries(target.parent_path()) == 1);
}

TEST_CASE("links that go in a circle are refused", "[file]") {
  const ScratchDirectory directory;
  fs::create_symlink("b", directory.path() / "a");
  fs::create_symlink("a", directory.path() / "b");
  CHECK_THAT(message_of<IoError>([&] { replace(directory.path() / "a", "x"); }),
             ContainsSubstring("a: cannot write: Too many levels of symbolic links"));
  CHECK(entries(directory.path()) == 2);
}

TEST_CASE("a name of the greatest length can be written", "[file]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / std::string(255, 'n');
  replace(path, "x");
  CHECK(read_file(path) == "x");
}

TEST_CASE("a file name without directory is in the current one", "[file]") {
  const ScratchDirectory directory;
  const auto before = fs::current_path();
  fs::current_path(directory.path());
  replace("plain", "x");
  fs::current_path(before);
  CHECK(read_file(directory.path() / "plain") == "x");
}

TEST_CASE("devices are written to and stay devices", "[file]") {
  replace("/dev/null", "x");
  CHECK(fs::is_character_file("/dev/null"));
  CHECK_THAT(message_of<IoError>([] { replace("/dev/full", "x"); }),
             ContainsSubstring("/dev/full: cannot write: No space left on device"));
}

TEST_CASE("places that cannot be written to", "[file]") {
  const ScratchDirectory directory;
  const auto message = [](const fs::path& path) {
    return message_of<IoError>([&] { replace(path, "x"); });
  };
  CHECK_THAT(message(directory.path() / "no" / "out"), ContainsSubstring("No such file"));
  CHECK_THAT(message(directory.path()), ContainsSubstring("Is a directory"));
  const auto file = write_file(directory, "file", "x");
  CHECK_THAT(message(file / "out"), ContainsSubstring("Not a directory"));
  CHECK_THAT(message(directory.path() / std::string(300, 'n')), ContainsSubstring("too long"));
  CHECK(entries(directory.path()) == 1);
}

TEST_CASE("permissions that forbid reading or writing", "[file]") {
  const ScratchDirectory directory;
  const auto file = write_file(directory, "secret", "x");
  fs::permissions(file, fs::perms::none);
  fs::permissions(directory.path(), fs::perms::owner_read | fs::perms::owner_exec |
                                        fs::perms::others_read | fs::perms::others_exec);
  std::string on_write, on_read;
  bool tried = false;
  {
    const NotRoot user;
    tried = user.effective();
    if (tried) {
      on_write = message_of<IoError>([&] { replace(directory.path() / "out", "x"); });
      on_read = message_of<IoError>([&] { InputFile{file}; });
    }
  }
  fs::permissions(directory.path(), fs::perms::owner_all);
  if (!tried) {
    WARN("root that cannot become another user: permissions cannot be tested");
    return;
  }
  CHECK_THAT(on_write, ContainsSubstring("out: cannot write: Permission denied"));
  CHECK_THAT(on_read, ContainsSubstring("secret: cannot open: Permission denied"));
}

TEST_CASE("reading at a place does not move the place of reading", "[file]") {
  const ScratchDirectory directory;
  InputFile file(write_file(directory, "f", "abcdefgh"));
  std::string part(3, ' ');
  const auto into = std::as_writable_bytes(std::span(part));
  CHECK(file.size() == 8);
  CHECK(file.read_at(5, into) == 3);
  CHECK(part == "fgh");
  CHECK(file.read(into) == 3);
  CHECK(part == "abc");
  CHECK(file.read_at(7, into) == 1);
  CHECK(file.read_at(100, into) == 0);
  InputFile moved(std::move(file));
  CHECK(moved.read(into) == 3);
  CHECK(part == "def");
}

}  // namespace
}  // namespace lamella::test
