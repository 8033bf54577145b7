// The backends that the conformance suite runs against: each that LAMELLA_TEST_BACKEND asks for, on
// every usable instruction set.
//
// LAMELLA_TEST_BACKEND is scalar, simd, openmp, tbb, minimal or the name of a plugin; unset or
// empty means all that are compiled or found.
#ifndef LAMELLA_TESTS_KERNELS_BACKENDS_UNDER_TEST_H_
#define LAMELLA_TESTS_KERNELS_BACKENDS_UNDER_TEST_H_

#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "backends/executor.h"
#include "backends/kernel_table.h"
#include "tools/conformance/check_context.h"

namespace lamella::test {

using conformance::BackendUnderTest;

/// Made once. Throws std::runtime_error if the backend asked for is unknown or not usable here, so
/// that every test of the run fails.
const std::vector<BackendUnderTest>& backends_under_test();

/// Names of the backends under test, and a line for everything left out, with its reason.
const std::vector<std::string>& names_under_test();
const std::vector<std::string>& left_out();

/// Kernel tables, of the instruction sets usable here, that a built-in backend is made of.
struct NamedTables {
  std::string isa;
  backends::KernelTables tables;
};
std::vector<NamedTables> tables_of(const std::string& backend);

/// The executor of "openmp" or "tbb" with that many threads, also more than the machine has; null
/// for every other name, and where the build is without it.
std::unique_ptr<backends::Executor> make_executor(const std::string& backend, int threads);

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_KERNELS_BACKENDS_UNDER_TEST_H_
