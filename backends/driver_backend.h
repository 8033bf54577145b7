// The one factory of built-in backends: a kernel table and an executor make a backend.
#ifndef LAMELLA_BACKENDS_DRIVER_BACKEND_H_
#define LAMELLA_BACKENDS_DRIVER_BACKEND_H_

#include <memory>

#include <lamella/backend.h>

#include "backends/adaptive_threading.h"
#include "backends/executor.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

/// simd = (a SIMD table, serial), openmp = (the same table, OpenMP), and so on. `tables` must
/// outlive it.
std::shared_ptr<const Backend> make_driver_backend(BackendInfo info, KernelTables tables,
                                                   std::unique_ptr<Executor> executor,
                                                   const ThreadingOptions& threading = {});

/// Tables compiled into this archive; both null where the instruction set is not of this processor
/// family. Whether the machine runs them is for the selection to say (core/selection/).
KernelTables scalar_tables();
KernelTables baseline_tables();
KernelTables avx2_tables();
KernelTables avx512_tables();
KernelTables neon_tables();

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_BACKEND_H_
