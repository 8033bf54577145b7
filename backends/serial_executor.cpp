// The serial executor: every worker's body on the calling thread, one after the other.
#include "backends/executor.h"

namespace lamella::backends {
namespace {

class SerialExecutor final : public Executor {
 public:
  int concurrency() const noexcept override { return 1; }
  void run(int workers, WorkerBody body) const noexcept override {
    for (int worker = 0; worker < workers; ++worker) body(worker);
  }
};

}  // namespace

std::unique_ptr<Executor> make_serial_executor() { return std::make_unique<SerialExecutor>(); }

}  // namespace lamella::backends
