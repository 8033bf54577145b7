// A program with one fault, named by its argument, for selftest.py: it copies the file "in" to
// "out".
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

namespace {

std::string_view fault;

int fail(const char* message) {
  const std::string_view start = "lamella: error: ";
  if (fault == "silent") return 1;
  (void)!::write(STDERR_FILENO, start.data(), start.size());
  (void)!::write(STDERR_FILENO, message, std::strlen(message));
  (void)!::write(STDERR_FILENO, "\n", 1);
  return 1;
}

template <class Call>
ssize_t retried(Call call) {
  ssize_t count = -1;
  do {
    count = call();
  } while (count < 0 && errno == EINTR && fault != "gives up when interrupted");
  return count;
}

int copy() {
  std::string text(4000, ' ');
  const int in = static_cast<int>(retried([] { return ::open("in", O_RDONLY); }));
  if (in < 0) return fail("in: cannot open");
  std::size_t size = 0;
  for (;;) {
    const ssize_t count = retried([&] { return ::read(in, &text[size], text.size() - size); });
    if (count < 0) return fail(fault == "names no file" ? "cannot read" : "in: cannot read");
    size += static_cast<std::size_t>(count);
    if (count == 0 || fault == "reads once") break;
  }
  const char* const name = fault == "writes in place" ? "out" : "temporary";
  const int out =
      static_cast<int>(retried([&] { return ::open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666); }));
  if (out < 0) return fail("out: cannot open");
  for (std::size_t done = 0; done < size;) {
    const std::size_t part = std::min<std::size_t>(size - done, 1000);
    const ssize_t count = retried([&] { return ::write(out, &text[done], part); });
    if (count < 0) {
      if (fault != "leaves its temporary" && fault != "writes in place") ::unlink(name);
      return fail("out: cannot write");
    }
    done += fault == "writes once" ? part : static_cast<std::size_t>(count);
  }
  if (fault != "writes in place" && ::rename(name, "out") != 0) {
    ::unlink(name);
    return fail("out: cannot write");
  }
  return 0;
}

}  // namespace

int main(int, char** argv) {
  fault = argv[1];
  if (fault == "terminates") return copy();
  try {
    return copy();
  } catch (const std::bad_alloc&) {
    return fault == "takes failure for success" ? 0 : fail("out of memory");
  }
}
