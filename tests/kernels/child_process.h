// Runs one hidden test case of this executable in a process of its own, with its own environment.
#ifndef LAMELLA_TESTS_KERNELS_CHILD_PROCESS_H_
#define LAMELLA_TESTS_KERNELS_CHILD_PROCESS_H_

#include <string>
#include <vector>

namespace lamella::test {

struct ChildResult {
  int exit_code = -1;  ///< or minus the number of the signal that ended it
  std::string output, errors;
};

/// `test_case` is the exact name of a test case. `environment` holds NAME=value entries; every
/// other LAMELLA_ variable but LAMELLA_PLUGIN_PATH is removed, the rest inherited. Where programs
/// need an emulator, its command is taken from LAMELLA_TEST_EMULATOR. Throws std::runtime_error if
/// nothing can be started.
ChildResult run_child(const std::string& test_case, const std::vector<std::string>& environment);

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_KERNELS_CHILD_PROCESS_H_
