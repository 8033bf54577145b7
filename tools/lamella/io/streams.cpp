// Checked writing to standard streams and to files that appear whole or not at all.
#include "tools/lamella/io/streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <system_error>

#include <lamella/error.h>

#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace {

/// Returns the number of bytes that are left after an error, whose number stays in errno.
std::size_t write_text(int fd, std::string_view text) noexcept {
  return detail::write_until_error(fd, std::as_bytes(std::span(text)));
}

}  // namespace

void prepare_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // Opened the wrong way round on purpose: using it still fails, as it should.
    (void)!::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  }
}

void write_stdout(std::string_view text) { write_all(STDOUT_FILENO, text, "standard output"); }

void write_stderr(std::string_view text) noexcept { write_text(STDERR_FILENO, text); }

void write_stderr(std::initializer_list<std::string_view> pieces) noexcept {
  // Together in one write, so that lines of other processes do not come between them.
  std::array<char, 2048> buffer;
  std::size_t filled = 0;
  for (std::string_view piece : pieces)
    while (!piece.empty()) {
      const std::size_t part = piece.copy(buffer.data() + filled, buffer.size() - filled);
      filled += part;
      piece.remove_prefix(part);
      if (filled < buffer.size()) continue;
      write_stderr(std::string_view(buffer.data(), filled));
      filled = 0;
    }
  write_stderr(std::string_view(buffer.data(), filled));
}

void write_all(int fd, std::string_view text, const std::string& name) {
  if (write_text(fd, text) == 0) return;
  const int error = errno;
  throw IoError(formatted("cannot write to {}: {}", name, std::generic_category().message(error)));
}

TextOutput::TextOutput(const std::filesystem::path& path) {
  if (!path.empty()) file_.emplace(path);
}

void TextOutput::write(std::string_view text) {
  if (file_)
    file_->write(std::as_bytes(std::span(text)));
  else
    write_stdout(text);
}

void TextOutput::commit() {
  if (file_) file_->commit();
}

}  // namespace lamella::cli
