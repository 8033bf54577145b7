// The backends and instruction sets that tests run with.
//
// The conformance suite for kernels, which also varies instruction sets and threads, has its own
// list (kernels/backends_under_test.h).
#ifndef LAMELLA_TESTS_TEST_BACKENDS_H_
#define LAMELLA_TESTS_TEST_BACKENDS_H_

#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>

namespace lamella::test {

/// The minimal backend and every built-in one that is usable here; with LAMELLA_TEST_BACKEND set,
/// that one alone. Throws std::runtime_error if there is no such one. Never empty. Made once.
const std::vector<std::shared_ptr<const Backend>>& test_backends();

/// The instruction sets of the vector kernels that are compiled in and usable here.
std::vector<std::string> usable_isas();

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_TEST_BACKENDS_H_
