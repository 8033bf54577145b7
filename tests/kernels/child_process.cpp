// posix_spawn behind child_process.h.
#include "tests/kernels/child_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>
#include <stdexcept>

extern char** environ;  // NOLINT: POSIX's own name

namespace lamella::test {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File temporary_file() {
  File file(std::tmpfile(), &std::fclose);
  if (file == nullptr) throw std::runtime_error("cannot make a temporary file");
  return file;
}

std::string content(std::FILE* file) {
  std::rewind(file);
  std::string text;
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  return text;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (std::string& s : strings) all.push_back(s.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

ChildResult run_child(const std::string& test_case, const std::vector<std::string>& environment) {
  std::vector<std::string> arguments;
  if (const char* emulator = std::getenv("LAMELLA_TEST_EMULATOR")) {
    std::istringstream words(emulator);
    for (std::string word; words >> word;) arguments.push_back(word);
  }
  arguments.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  arguments.push_back(test_case);

  std::vector<std::string> variables = environment;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (std::strncmp(*entry, "LAMELLA_", 8) != 0 ||
        std::strncmp(*entry, "LAMELLA_PLUGIN_PATH=", 20) == 0)
      variables.emplace_back(*entry);

  const File output = temporary_file(), errors = temporary_file();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(output.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(errors.get()), STDERR_FILENO);
  pid_t child = 0;
  const int failure = posix_spawnp(&child, arguments[0].c_str(), &actions, nullptr,
                                   pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0)
    throw std::runtime_error("cannot start " + arguments[0] + ": " + std::strerror(failure));

  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("cannot wait for the child");
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), content(output.get()),
          content(errors.get())};
}

}  // namespace lamella::test
