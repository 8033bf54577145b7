// Passing a whole data set through a network, chunk by chunk.
//
// Not here: the figures that follow (metrics.h, and the reports of trainer.h).
#ifndef LAMELLA_CORE_TRAINING_EVALUATION_H_
#define LAMELLA_CORE_TRAINING_EVALUATION_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include <lamella/chunks.h>
#include <lamella/dataset.h>
#include <lamella/matrix.h>
#include <lamella/network.h>

#include "core/base/sizes.h"
#include "core/data/gather.h"

namespace lamella::detail {

/// Throws ArgumentError unless `data` is labelled, not empty, has the network's inputs and no more
/// than its classes, and `preprocessing` fits. `where` opens the message, `name` says which data.
void check_fits(std::string_view where, std::string_view name, const NetworkSpec& spec,
                const Dataset& data, const Preprocessing& preprocessing);

/// Calls visit(x, indices) for chunks of preprocessed samples, in columns, as the network keeps
/// them: its kernels read them without repacking. The data must fit.
template <class T, class Visit>
void for_each_gathered_chunk(const Network<T>& network, const Dataset& data,
                             const Preprocessing& preprocessing, const Visit& visit) {
  const index_t ld = leading_dimension<T>(std::min(data.samples(), kChunkSamples));
  AlignedArray<T> storage(checked_product(data.features(), ld));
  const Gatherer<T> gatherer(network.backend(), preprocessing, data.features());
  for_each_chunk_of_indices(data.samples(), [&](std::span<const std::int32_t> indices) {
    const View<T> x{storage.data(), std::ssize(indices), data.features(), 1, ld};
    gatherer.gather(data.values(), indices, x);
    visit(x, indices);
  });
}

/// Loss and correct predictions over `data`, which must fit. `predictions`, if not empty, has one
/// entry per sample. Memory is O(chunk · widest layer).
template <class T>
BatchResult evaluate_dataset(const Network<T>& network, const Dataset& data,
                             const Preprocessing& preprocessing,
                             std::span<std::int32_t> predictions = {});

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_TRAINING_EVALUATION_H_
