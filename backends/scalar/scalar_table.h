// Declares the scalar tables. The kernels are in scalar_table.cpp.
#ifndef LAMELLA_BACKENDS_SCALAR_SCALAR_TABLE_H_
#define LAMELLA_BACKENDS_SCALAR_SCALAR_TABLE_H_

#include "backends/kernel_table.h"

namespace lamella::backends {

extern const KernelTable<float> scalar_f32;
extern const KernelTable<double> scalar_f64;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_SCALAR_SCALAR_TABLE_H_
