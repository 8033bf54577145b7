// Makes the executor that has no threads (executor.h).
#include "backends/executor.h"

namespace lamella::backends {

std::unique_ptr<Executor> make_serial_executor() { return std::make_unique<SerialExecutor>(); }

}  // namespace lamella::backends
