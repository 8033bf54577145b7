// Errors on their way to cblas_xerbla, and the backend of the process.
#include "cblas/routine.h"

#include <pthread.h>

#include <atomic>
#include <memory>

#include <lamella/backend_selection.h>

#include "cblas/xerbla.h"

namespace lamella::cblas {
namespace {

// Set in a child that fork() made: the threads of its parent's backend are not in it, and the
// OpenMP runtime of GCC waits for them for ever.
std::atomic<bool> forked = false;

using Shared = std::shared_ptr<const Backend>;

// Backends are never destroyed: other libraries may multiply matrices while the process ends.
const Shared* first_backend() {
  auto* const chosen = new Shared(make_backend());
  pthread_atfork(nullptr, nullptr, [] { forked = true; });
  return chosen;
}

}  // namespace

void Routine::bad_argument(int parameter, const char* argument, int value) const {
  RowMajorStrg = row_major ? 1 : 0;
  cblas_xerbla(parameter, name, "%s is %d\n", argument, value);
}

void Routine::failed(const char* reason) const {
  RowMajorStrg = 0;
  cblas_xerbla(0, name, "%s\n", reason);
}

const Backend& Routine::backend() {
  if (forked.load(std::memory_order_relaxed)) {
    static const auto* const of_child = new Shared(make_backend({.threads = 1}));
    return **of_child;
  }
  static const Shared* const chosen = first_backend();
  return **chosen;
}

}  // namespace lamella::cblas
