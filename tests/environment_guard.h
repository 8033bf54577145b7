// Sets or unsets an environment variable for the length of a scope.
#ifndef LAMELLA_TESTS_ENVIRONMENT_GUARD_H_
#define LAMELLA_TESTS_ENVIRONMENT_GUARD_H_

#include <cstdlib>
#include <optional>
#include <string>

namespace lamella::test {

/// Restores what was there before. Not for tests that run threads which read the environment.
class EnvironmentGuard {
 public:
  /// Null unsets the variable.
  EnvironmentGuard(const char* variable, const char* value) : variable_(variable) {
    if (const char* before = std::getenv(variable)) before_ = before;
    set(value);
  }
  ~EnvironmentGuard() { set(before_ ? before_->c_str() : nullptr); }
  EnvironmentGuard(const EnvironmentGuard&) = delete;
  EnvironmentGuard& operator=(const EnvironmentGuard&) = delete;

 private:
  void set(const char* value) {
    if (value != nullptr)
      setenv(variable_, value, 1);
    else
      unsetenv(variable_);
  }

  const char* variable_;
  std::optional<std::string> before_;
};

/// A test of backend selection starts without any of its variables, whatever the shell has set.
struct CleanEnvironment {
  EnvironmentGuard backend{"LAMELLA_BACKEND", nullptr};
  EnvironmentGuard isa{"LAMELLA_ISA", nullptr};
  EnvironmentGuard threads{"LAMELLA_NUM_THREADS", nullptr};
  EnvironmentGuard adaptive{"LAMELLA_ADAPTIVE_THREADS", nullptr};
  EnvironmentGuard verbose{"LAMELLA_VERBOSE", nullptr};
  EnvironmentGuard plugins{"LAMELLA_PLUGIN_PATH", nullptr};
  EnvironmentGuard slurm{"SLURM_CPUS_PER_TASK", nullptr};
};

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_ENVIRONMENT_GUARD_H_
