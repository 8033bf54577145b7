// Counter-based random numbers (Philox4x32-10 of Random123; Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011): pure functions of the purpose and place of their use.
//
// Not here: other distributions than uniform ones. There is no state to advance, so random numbers
// do not depend on threads, on the order of work, or on interruptions of a run.
#ifndef LAMELLA_CORE_BASE_RANDOM_H_
#define LAMELLA_CORE_BASE_RANDOM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>

#include <Random123/philox.h>

namespace lamella::detail {

/// The purpose of random numbers. Draws for different purposes never share a counter. The values
/// are part of the meaning of a seed: add new ones at the end, never renumber.
enum class RandomPurpose : std::uint16_t {
  weights = 0,  ///< substream: layer; index: element of its weight matrix
  shuffle = 1,  ///< substream: epoch; index: step of the shuffle
  moons = 2,
  blobs = 3,
  dropout = 4,
  augmentation = 5,
  split = 6,  ///< reserved: `lamella train` draws held-out samples from std::mt19937_64, and a seed
              ///< must go on meaning the same samples
};

/// Four random words: the block of Philox4x32-10 with this key and this counter, whose lower half
/// is `index` and whose upper half is `stream`.
inline std::array<std::uint32_t, 4> philox_block(std::uint64_t key, std::uint64_t index,
                                                 std::uint64_t stream) noexcept {
  const auto low = [](std::uint64_t words) { return static_cast<std::uint32_t>(words); };
  const r123::Philox4x32::ctr_type counter{
      {low(index), low(index >> 32), low(stream), low(stream >> 32)}};
  const auto block = r123::Philox4x32{}(counter, {{low(key), low(key >> 32)}});
  return {block[0], block[1], block[2], block[3]};
}

/// One sequence of random numbers, named by (seed, purpose, substream) and addressed by a 64-bit
/// index. Every call costs one Philox block (about ten multiplications of latency).
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint32_t substream = 0) noexcept
      : seed_(seed),
        stream_(std::uint64_t{static_cast<std::uint32_t>(purpose)} << 32 | substream) {}

  /// The sequence whose counters have this upper half, as stream() gives it.
  RandomStream(std::uint64_t seed, std::uint64_t stream) noexcept : seed_(seed), stream_(stream) {}

  /// The upper half of its counters; see philox_block.
  std::uint64_t stream() const noexcept { return stream_; }

  /// Two independent 64-bit words. `attempt` opens further blocks at the same index, for rejection.
  std::array<std::uint64_t, 2> words(std::uint64_t index,
                                     std::uint16_t attempt = 0) const noexcept {
    const auto block = philox_block(seed_, index, stream_ | std::uint64_t{attempt} << 48);
    return {block[0] | std::uint64_t{block[1]} << 32, block[2] | std::uint64_t{block[3]} << 32};
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform(std::uint64_t index) const noexcept { return unit(words(index)[0]); }

  /// Two independent uniforms in [0, 1) for the price of one.
  std::array<double, 2> uniform_pair(std::uint64_t index) const noexcept {
    const auto [first, second] = words(index);
    return {unit(first), unit(second)};
  }

  /// Uniform in [0, bound), without bias. `bound` must not be 0.
  std::uint32_t below(std::uint32_t bound, std::uint64_t index) const noexcept {
    // Of the 2^64 words, the first 2^64 mod bound are one more than a whole number of rounds and
    // are drawn again: fewer than one in 2^32, so the second attempt is practically never made.
    const std::uint64_t excess = (0 - std::uint64_t{bound}) % bound;
    for (std::uint16_t attempt = 0;; ++attempt) {
      const auto [first, second] = words(index, attempt);
      if (first >= excess) return static_cast<std::uint32_t>(first % bound);
      if (second >= excess) return static_cast<std::uint32_t>(second % bound);
    }
  }

 private:
  static double unit(std::uint64_t word) noexcept {
    return static_cast<double>(word >> 11) * 0x1p-53;
  }

  std::uint64_t seed_;
  std::uint64_t stream_;
};

/// Fills `indices` with a uniformly random permutation of 0 ... size - 1, a function of (size,
/// seed, epoch, purpose) alone. O(size).
inline void shuffled_indices(std::span<std::int32_t> indices, std::uint64_t seed,
                             std::uint32_t epoch,
                             RandomPurpose purpose = RandomPurpose::shuffle) noexcept {
  std::iota(indices.begin(), indices.end(), 0);
  const RandomStream random(seed, purpose, epoch);
  for (std::size_t i = indices.size(); i > 1; --i)
    std::swap(indices[i - 1], indices[random.below(static_cast<std::uint32_t>(i), i)]);
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_BASE_RANDOM_H_
