// Errors on their way to cblas_xerbla, and the backend of the process.
#include "cblas/routine.h"

#include <atomic>
#include <memory>

#include <lamella/backend_selection.h>

#include "cblas/xerbla.h"

namespace lamella::cblas {
namespace {

using Shared = std::shared_ptr<const Backend>;

// Never destroyed: other libraries may multiply matrices while the process ends. Not a static
// variable of a function: a fork while another thread makes it would leave its guard locked.
constinit std::atomic<const Shared*> chosen{nullptr};

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
  const Shared* shared = chosen.load(std::memory_order_acquire);
  if (shared == nullptr) {
    auto made = std::make_unique<const Shared>(make_backend());
    if (chosen.compare_exchange_strong(shared, made.get(), std::memory_order_acq_rel))
      shared = made.release();
  }
  return **shared;
}

}  // namespace lamella::cblas
