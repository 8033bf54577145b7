// The smallest backend: the four required kernels as naive loops, all others inherited.
//
// Tests run it beside the built-in backends. It stands for a plugin that implements four kernels.
#ifndef LAMELLA_TESTS_MINIMAL_BACKEND_H_
#define LAMELLA_TESTS_MINIMAL_BACKEND_H_

#include <memory>

#include <lamella/backend.h>

namespace lamella::test {

/// A backend named "minimal": one thread, any non-negative strides, no optional kernel of its own.
std::shared_ptr<const Backend> make_minimal_backend();

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_MINIMAL_BACKEND_H_
