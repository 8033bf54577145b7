// Many samples, a chunk at a time: the loop around predictions and evaluations.
#ifndef LAMELLA_CHUNKS_H_
#define LAMELLA_CHUNKS_H_

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <lamella/view.h>

namespace lamella {

/// Samples that a network takes through its layers at a time in predict and evaluate. They are
/// enough to keep all threads and vector lanes busy, and few enough that two layers of a thousand
/// units stay in the L2 cache. Code that prepares samples for a network uses chunks of this size
/// too, so that they are still in the cache when the network reads them.
inline constexpr index_t kChunkSamples = 256;

/// Calls visit(first, count) for consecutive chunks of at most kChunkSamples of `samples` samples.
template <class Visit>
void for_each_chunk(index_t samples, Visit&& visit) {
  for (index_t first = 0; first < samples; first += kChunkSamples)
    visit(first, std::min(kChunkSamples, samples - first));
}

/// Calls visit(indices) for the same chunks, with the indices of their samples: a std::span of
/// consecutive std::int32_t, as Dataset::gather takes them. `samples` is below 2^31.
template <class Visit>
void for_each_chunk_of_indices(index_t samples, Visit&& visit) {
  std::vector<std::int32_t> indices(static_cast<std::size_t>(std::min(samples, kChunkSamples)));
  for_each_chunk(samples, [&](index_t first, index_t count) {
    const std::span<std::int32_t> chunk(indices.data(), static_cast<std::size_t>(count));
    std::iota(chunk.begin(), chunk.end(), static_cast<std::int32_t>(first));
    visit(std::span<const std::int32_t>(chunk));
  });
}

}  // namespace lamella

#endif  // LAMELLA_CHUNKS_H_
