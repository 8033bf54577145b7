// make_moons and make_blobs: where the points lie, and that a seed decides them.
#include <algorithm>
#include <cmath>
#include <limits>

#include <lamella/error.h>
#include <lamella/generators.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

TEST_CASE("moons without noise lie on two half circles", "[generators]") {
  const Dataset data = make_moons(1001, 0, 5);
  CHECK(data.samples() == 1001);
  CHECK(data.features() == 2);
  CHECK(data.classes() == 2);
  for (index_t i = 0; i < data.samples(); ++i) {
    const std::int32_t label = data.labels()[static_cast<std::size_t>(i)];
    CHECK(label == i % 2);
    const double x = data.value(i, 0), y = data.value(i, 1);
    const double radius = label == 0 ? std::hypot(x, y) : std::hypot(x - 1, y - 0.5);
    CHECK(radius == Approx(1).epsilon(1e-6));
    CHECK((label == 0 ? y >= -1e-6 : y <= 0.5 + 1e-6));
  }
}

TEST_CASE("noise has the deviation asked for", "[generators]") {
  constexpr double kNoise = 0.25;
  constexpr index_t kSamples = 20000;
  const Dataset clean = make_moons(kSamples, 0, 9), noisy = make_moons(kSamples, kNoise, 9);
  double sum = 0, squares = 0, product = 0;
  for (index_t i = 0; i < kSamples; ++i) {
    const double dx = noisy.value(i, 0) - clean.value(i, 0);
    const double dy = noisy.value(i, 1) - clean.value(i, 1);
    sum += dx + dy;
    squares += dx * dx + dy * dy;
    product += dx * dy;
  }
  constexpr double kDraws = 2.0 * kSamples;
  // Five standard deviations of each estimate.
  CHECK(std::abs(sum / kDraws) < 5 * kNoise / std::sqrt(kDraws));
  CHECK(squares / kDraws == Approx(kNoise * kNoise).epsilon(5 * std::sqrt(2 / kDraws)));
  CHECK(std::abs(product / kSamples) < 5 * kNoise * kNoise / std::sqrt(double{kSamples}));
}

TEST_CASE("blobs lie around their centres", "[generators]") {
  constexpr index_t kSamples = 9000, kFeatures = 5, kClasses = 3;
  constexpr double kDeviation = 0.5;
  const Dataset data = make_blobs(kSamples, kFeatures, kClasses, kDeviation, 4);
  const Dataset centres = make_blobs(kClasses, kFeatures, kClasses, 0, 4);
  CHECK(data.classes() == kClasses);
  for (index_t c = 0; c < kClasses; ++c)
    for (index_t j = 0; j < kFeatures; ++j) {
      const double centre = centres.value(c, j);
      CHECK(std::abs(centre) <= 10);
      double sum = 0, squares = 0;
      for (index_t i = c; i < kSamples; i += kClasses) {
        const double d = data.value(i, j) - centre;
        sum += d;
        squares += d * d;
      }
      constexpr double kDraws = double{kSamples} / kClasses;
      CHECK(std::abs(sum / kDraws) < 5 * kDeviation / std::sqrt(kDraws));
      CHECK(squares / kDraws == Approx(kDeviation * kDeviation).epsilon(5 * std::sqrt(2 / kDraws)));
    }
}

TEST_CASE("the seed decides the points", "[generators]") {
  const auto moons = all_values(make_moons(100, 0.1, 1));
  CHECK(moons == all_values(make_moons(100, 0.1, 1)));
  CHECK(moons != all_values(make_moons(100, 0.1, 2)));
  const auto blobs = all_values(make_blobs(100, 3, 4, 1, 1));
  CHECK(blobs == all_values(make_blobs(100, 3, 4, 1, 1)));
  CHECK(blobs != all_values(make_blobs(100, 3, 4, 1, 2)));
  // A smaller set is the beginning of a larger one.
  const auto fewer = all_values(make_moons(50, 0.1, 1));
  CHECK(std::equal(fewer.begin(), fewer.end(), moons.begin()));
}

// Up to libm's rounding these are the points of every platform, and of every later version.
// Computed by an independent implementation.
TEST_CASE("the first points of seed 1 stay what they are", "[generators]") {
  const Dataset moons = make_moons(2, 0.1, 1);
  const Dataset blobs = make_blobs(2, 2, 2, 1, 1);
  CHECK(moons.value(0, 0) == Approx(0.296390).epsilon(1e-5));
  CHECK(moons.value(0, 1) == Approx(1.036808).epsilon(1e-5));
  CHECK(moons.value(1, 0) == Approx(0.201988).epsilon(1e-5));
  CHECK(blobs.value(0, 0) == Approx(3.377108).epsilon(1e-5));
  CHECK(blobs.value(1, 1) == Approx(-5.173028).epsilon(1e-5));
}

TEST_CASE("more classes than samples still are classes", "[generators]") {
  CHECK(make_blobs(2, 1, 5, 1, 1).classes() == 5);
}

TEST_CASE("generators refuse what makes no points", "[generators]") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(make_moons(0, 0.1, 1), ArgumentError);
  CHECK_THROWS_AS(make_moons(-5, 0.1, 1), ArgumentError);
  CHECK_THROWS_AS(make_moons(index_t{1} << 40, 0.1, 1), ArgumentError);
  for (const double noise : {-0.1, kNan, kInf}) {
    CHECK_THROWS_AS(make_moons(10, noise, 1), ArgumentError);
    CHECK_THROWS_AS(make_blobs(10, 2, 2, noise, 1), ArgumentError);
  }
  CHECK_THROWS_AS(make_blobs(0, 2, 2, 1, 1), ArgumentError);
  CHECK_THROWS_AS(make_blobs(10, 0, 2, 1, 1), ArgumentError);
  CHECK_THROWS_AS(make_blobs(10, 2, 0, 1, 1), ArgumentError);
}

}  // namespace
}  // namespace lamella::test
