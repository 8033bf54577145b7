// Chunks: every sample once, in order, and never more of them than a network takes at a time.
#include <utility>

#include <lamella/chunks.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

TEST_CASE("chunks cover all samples in order", "[chunks]") {
  for (const index_t samples : {index_t{0}, index_t{1}, kChunkSamples - 1, kChunkSamples,
                                kChunkSamples + 1, 3 * kChunkSamples, 3 * kChunkSamples + 5}) {
    INFO(samples << " samples");
    index_t next = 0, visits = 0;
    for_each_chunk(samples, [&](index_t first, index_t count) {
      CHECK(first == next);
      CHECK((count >= 1 && count <= kChunkSamples));
      next += count;
      ++visits;
    });
    CHECK(next == samples);
    CHECK(visits == (samples + kChunkSamples - 1) / kChunkSamples);

    std::vector<std::int32_t> all;
    for_each_chunk_of_indices(samples, [&](std::span<const std::int32_t> indices) {
      CHECK(std::ssize(indices) <= kChunkSamples);
      all.insert(all.end(), indices.begin(), indices.end());
    });
    REQUIRE(std::ssize(all) == samples);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == static_cast<std::int32_t>(i));
  }
}

}  // namespace
}  // namespace lamella::test
