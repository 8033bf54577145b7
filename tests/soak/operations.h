// The operations that the soak draws from: each does something that a program does with the
// library, on random data, and throws Mismatch if the result is not what it must be.
#ifndef LAMELLA_TESTS_SOAK_OPERATIONS_H_
#define LAMELLA_TESTS_SOAK_OPERATIONS_H_

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "tools/conformance/operand.h"

namespace lamella::soak {

using conformance::pick;
using conformance::Random;
using conformance::uniform;
using conformance::uniform_int;

/// A finding: the library did something other than promised.
struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void require(bool holds, const std::string& what) {
  if (!holds) throw Mismatch(what);
}

/// What an operation is given.
struct Context {
  Random random;                     ///< of this operation alone
  std::filesystem::path directory;   ///< its own, empty, removed after it
  std::vector<std::string> plugins;  ///< paths of plugins that work; may be empty
};

struct Operation {
  const char* name;
  void (*run)(Context&);
};

/// All operations.
const std::vector<Operation>& operations();

/// Those of each file, for operations().
std::vector<Operation> backend_operations();
std::vector<Operation> network_operations();
std::vector<Operation> file_operations();
std::vector<Operation> c_api_operations();

/// The names of the backends that have vector kernels: on one instruction set they give equal bits.
std::vector<std::string> vector_backends();
/// An instruction set that is usable here.
std::string any_isa(Random& random);
/// A backend of these names with 1 to 4 threads.
std::shared_ptr<const Backend> make(Random& random, const std::string& name,
                                    const std::string& isa);
/// Any backend that is built in.
std::shared_ptr<const Backend> any_backend(Random& random);

}  // namespace lamella::soak

#endif  // LAMELLA_TESTS_SOAK_OPERATIONS_H_
