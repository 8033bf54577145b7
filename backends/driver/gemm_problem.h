// A product as the loop nest takes it: in the orientation that the micro-kernel wants, with the
// source of B and the epilogue spelled out. How it is cut is gemm_blocking.h's.
#ifndef LAMELLA_BACKENDS_DRIVER_GEMM_PROBLEM_H_
#define LAMELLA_BACKENDS_DRIVER_GEMM_PROBLEM_H_

#include <lamella/view.h>

#include "backends/driver/packed_batch.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

/// Where the panels of B come from.
enum class SourceB {
  matrix,     ///< a matrix of any strides, read in place or packed by the product
  prepacked,  ///< panels that pack_b made in advance (PackedMatrix)
  batch,      ///< the mini-batch of a plan, which each worker packs for itself (PackedBatch)
};

/// B (k x n). A member that names a source has a meaning only for it.
template <class T>
struct ProblemB {
  SourceB source;
  ConstView<T> matrix;  ///< matrix
  const T* panels;  ///< prepacked: K's blocks one after the other, each as panels of all columns
  PackedBatch<T>* batch;   ///< batch
  SampleAxis sample_axis;  ///< batch
};

/// C (m x n) ← alpha A (m x k) B (k x n) + beta C, then the epilogue. C's columns are contiguous
/// and lie along the vector lanes. A is broadcast, B is read by vectors.
template <class T>
struct GemmProblem {
  index m, n, k;
  T alpha, beta;
  ConstView<T> a;
  ProblemB<T> b;
  View<T> c;
  TileEpilogue<T> epilogue;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_GEMM_PROBLEM_H_
