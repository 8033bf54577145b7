// What the process writes to stderr during a scope, as text.
#ifndef LAMELLA_TESTS_CAPTURED_STDERR_H_
#define LAMELLA_TESTS_CAPTURED_STDERR_H_

#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace lamella::test {

/// Redirects file descriptor 2 into a temporary file until text() or the end of the scope.
class CapturedStderr {
 public:
  CapturedStderr() : file_(std::tmpfile()) {
    std::fflush(stderr);
    before_ = dup(STDERR_FILENO);
    if (file_ == nullptr || before_ < 0 || dup2(fileno(file_), STDERR_FILENO) < 0)
      throw std::runtime_error("cannot redirect stderr");
  }
  ~CapturedStderr() {
    restore();
    std::fclose(file_);
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;

  /// Ends the redirection and returns what was written.
  std::string text() {
    restore();
    std::string all;
    std::rewind(file_);
    for (int c; (c = std::fgetc(file_)) != EOF;) all += static_cast<char>(c);
    return all;
  }

 private:
  void restore() {
    if (before_ < 0) return;
    std::fflush(stderr);
    dup2(before_, STDERR_FILENO);
    close(before_);
    before_ = -1;
  }

  std::FILE* file_;
  int before_ = -1;
};

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_CAPTURED_STDERR_H_
