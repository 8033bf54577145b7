// Stored samples as kernels take them: a block of the samples and features of a GatherBytes call.
#ifndef LAMELLA_BACKENDS_DRIVER_BYTE_SAMPLES_H_
#define LAMELLA_BACKENDS_DRIVER_BYTE_SAMPLES_H_

#include <lamella/kernels.h>

#include "backends/driver/partition.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

/// Kernels work on tiles of 16 samples, however few there are: fewer samples than this are gathered
/// faster by a plain loop (docs/performance/log.md#gather-bytes).
constexpr index kFewestSamples = 4;

/// `samples` of the mini-batch, `features` of each. Neither range is empty.
template <class T>
ByteGatherBlock<T> block_of_samples(const GatherBytes<T>& call, Range samples, Range features) {
  ByteGatherBlock<T> g{};
  g.samples = samples.size();
  g.features = features.size();
  g.values = call.values + features.begin;
  g.values_stride = call.features;
  g.indices = &call.indices[samples.begin];
  g.indices_stride = call.indices.stride;
  g.offset = &call.offset[features.begin];
  g.offset_stride = call.offset.stride;
  g.scale = &call.scale[features.begin];
  g.scale_stride = call.scale.stride;
  return g;
}

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_BYTE_SAMPLES_H_
