// Counter-based random numbers: known answers, ranges, independence of streams, fair shuffles.
#include "core/base/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "tests/catch.h"

namespace lamella::test {
namespace {

// The first published test vector of philox4x32-10: counter and key zero.
TEST_CASE("random words are those of Philox4x32-10", "[random]") {
  const auto words = RandomStream(0, RandomPurpose::weights, 0).words(0);
  CHECK(words[0] == 0xe169c58d'6627e8d5U);
  CHECK(words[1] == 0x9b00dbd8'bc57ac4cU);
}

TEST_CASE("seed, purpose, substream and index all matter", "[random]") {
  std::set<std::uint64_t> seen;
  for (const std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32, ~0ULL})
    for (const auto purpose : {RandomPurpose::weights, RandomPurpose::shuffle})
      for (const std::uint32_t substream : {0U, 1U, ~0U})
        for (const std::uint64_t index : {0ULL, 1ULL, 1ULL << 32, ~0ULL})
          seen.insert(RandomStream(seed, purpose, substream).words(index)[0]);
  CHECK(seen.size() == 4 * 2 * 3 * 4);
}

TEST_CASE("uniform numbers fill [0, 1) evenly", "[random]") {
  const RandomStream random(7, RandomPurpose::dropout);
  constexpr int kDraws = 100000;
  std::array<int, 10> histogram{};
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform(static_cast<std::uint64_t>(i));
    REQUIRE(u >= 0.0);
    REQUIRE(u < 1.0);
    ++histogram[static_cast<std::size_t>(10 * u)];
  }
  // Five standard deviations of a binomial count.
  const double slack = 5 * std::sqrt(kDraws * 0.1 * 0.9);
  for (const int count : histogram) CHECK(std::abs(count - 0.1 * kDraws) < slack);
}

TEST_CASE("bounded numbers are in range and even", "[random]") {
  const RandomStream random(3, RandomPurpose::split);
  for (std::uint64_t i = 0; i < 100; ++i) CHECK(random.below(1, i) == 0);
  std::array<int, 6> histogram{};
  constexpr int kDraws = 60000;
  for (std::uint64_t i = 0; i < kDraws; ++i) ++histogram.at(random.below(6, i));
  const double slack = 5 * std::sqrt(kDraws * (1.0 / 6) * (5.0 / 6));
  for (const int count : histogram) CHECK(std::abs(count - kDraws / 6.0) < slack);
}

TEST_CASE("a shuffle is a permutation decided by size, seed and epoch", "[random]") {
  std::vector<std::int32_t> first(1000), again(1000), other_epoch(1000), other_seed(1000);
  shuffled_indices(first, 1, 0);
  shuffled_indices(again, 1, 0);
  shuffled_indices(other_epoch, 1, 1);
  shuffled_indices(other_seed, 2, 0);
  CHECK(first == again);
  CHECK(first != other_epoch);
  CHECK(first != other_seed);
  std::ranges::sort(first);
  for (std::int32_t i = 0; i < 1000; ++i) CHECK(first[static_cast<std::size_t>(i)] == i);
}

// A trained model's bits depend on these; a change must be meant.
TEST_CASE("the shuffle of seed 1 stays what it is", "[random]") {
  std::vector<std::int32_t> indices(10);
  shuffled_indices(indices, 1, 0);
  CHECK(indices == std::vector<std::int32_t>{4, 5, 2, 0, 9, 7, 8, 6, 3, 1});
}

TEST_CASE("all orders of three are equally likely", "[random]") {
  std::array<int, 27> histogram{};
  constexpr int kShuffles = 6000;
  std::array<std::int32_t, 3> order{};
  for (std::uint32_t epoch = 0; epoch < kShuffles; ++epoch) {
    shuffled_indices(order, 1, epoch);
    const int permutation = 9 * order[0] + 3 * order[1] + order[2];
    ++histogram.at(static_cast<std::size_t>(permutation));
  }
  const double slack = 5 * std::sqrt(kShuffles * (1.0 / 6) * (5.0 / 6));
  int orders = 0;
  for (const int count : histogram) {
    if (count == 0) continue;
    ++orders;
    CHECK(std::abs(count - kShuffles / 6.0) < slack);
  }
  CHECK(orders == 6);
}

}  // namespace
}  // namespace lamella::test
