// make_moons and make_blobs: labelled points that need no file. Sample i is a function of the seed
// and of i alone, so a larger set begins with the smaller one.
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include <lamella/error.h>
#include <lamella/generators.h>

#include "core/base/format.h"
#include "core/base/random.h"

namespace lamella {

using namespace detail;

namespace {

// Two independent standard normal numbers (Box and Muller).
std::array<double, 2> normal_pair(const RandomStream& random, std::uint64_t index) {
  const auto [u, v] = random.uniform_pair(index);
  const double radius = std::sqrt(-2.0 * std::log1p(-u));
  const double angle = 2.0 * std::numbers::pi * v;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

void check_at_least_one(const char* function, const char* what, index_t value) {
  if (value < 1 || value > std::numeric_limits<std::int32_t>::max())
    throw ArgumentError(
        formatted("{}: {} {}; at least 1 and below 2^31 would be right", function, value, what));
}

void check_deviation(const char* function, double deviation) {
  if (!(deviation >= 0) || !std::isfinite(deviation))
    throw ArgumentError(
        formatted("{}: a deviation of {}; a finite number of at least 0 would be right", function,
                  deviation));
}

}  // namespace

Dataset make_moons(index_t samples, double noise, std::uint64_t seed) {
  check_at_least_one("make_moons", "samples", samples);
  check_deviation("make_moons", noise);
  const RandomStream random(seed, RandomPurpose::moons);
  std::vector<float> points;
  std::vector<std::int32_t> labels;
  for (index_t i = 0; i < samples; ++i) {
    const auto index = 2 * static_cast<std::uint64_t>(i);
    const double angle = std::numbers::pi * random.uniform(index);
    const auto [dx, dy] = normal_pair(random, index + 1);
    const bool upper = i % 2 == 0;
    const double x = upper ? std::cos(angle) : 1.0 - std::cos(angle);
    const double y = upper ? std::sin(angle) : 0.5 - std::sin(angle);
    points.push_back(static_cast<float>(x + noise * dx));
    points.push_back(static_cast<float>(y + noise * dy));
    labels.push_back(upper ? 0 : 1);
  }
  return Dataset(std::move(points), {2}, std::move(labels), {"0", "1"});
}

Dataset make_blobs(index_t samples, index_t features, index_t classes, double deviation,
                   std::uint64_t seed) {
  check_at_least_one("make_blobs", "samples", samples);
  check_at_least_one("make_blobs", "features", features);
  check_at_least_one("make_blobs", "classes", classes);
  check_deviation("make_blobs", deviation);
  const RandomStream centre_random(seed, RandomPurpose::blobs, 0);
  const RandomStream noise_random(seed, RandomPurpose::blobs, 1);
  const auto width = static_cast<std::uint64_t>(features);
  std::vector<float> points;
  std::vector<std::int32_t> labels;
  for (index_t i = 0; i < samples; ++i) {
    const auto sample = static_cast<std::uint64_t>(i);
    const auto label = static_cast<std::uint64_t>(i % classes);
    std::array<double, 2> noise{};
    for (std::uint64_t j = 0; j < width; ++j) {
      if (j % 2 == 0) noise = normal_pair(noise_random, sample * width + j);
      const double centre = 20.0 * centre_random.uniform(label * width + j) - 10.0;
      points.push_back(static_cast<float>(centre + deviation * noise[j % 2]));
    }
    labels.push_back(static_cast<std::int32_t>(label));
  }
  std::vector<std::string> names;
  for (index_t c = 0; c < classes; ++c) names.push_back(std::to_string(c));
  return Dataset(std::move(points), {features}, std::move(labels), std::move(names));
}

}  // namespace lamella
