// The least that is a backend: the four required kernels as naive loops, everything else inherited.
//
// What trains networks here trains with any plugin; tests run it beside the built-in backends.
#ifndef LAMELLA_TESTS_MINIMAL_BACKEND_H_
#define LAMELLA_TESTS_MINIMAL_BACKEND_H_

#include <memory>

#include <lamella/backend.h>

namespace lamella::test {

/// A backend named "minimal": one thread, any non-negative strides, no optional kernel of its own.
std::shared_ptr<const Backend> make_minimal_backend();

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_MINIMAL_BACKEND_H_
