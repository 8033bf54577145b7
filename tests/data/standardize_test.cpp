// standardize and scale_to_unit on what is not ordinary: constants, large offsets, extreme
// magnitudes, bits alone; and that ordinary data keep the bits that models were trained with.
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include <lamella/matrix.h>

#include "core/base/random.h"
#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr MeanRounding kRoundings[] = {MeanRounding::sum_divided, MeanRounding::summands_divided};

Dataset column(const std::vector<double>& values) { return Dataset(values, {1}, {}); }

std::vector<double> made(std::size_t count, const std::function<double(std::size_t)>& value) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = value(i);
  return values;
}

// What a network of type T sees of a column.
template <class T>
std::vector<T> mapped(const std::vector<double>& values, const Preprocessing& map) {
  std::vector<std::int32_t> all(values.size());
  std::iota(all.begin(), all.end(), 0);
  std::vector<T> out(values.size());
  column(values).gather<T>(all, map, row_major(out.data(), std::ssize(out), 1));
  return out;
}

TEST_CASE("a constant is not scaled, however many samples it has", "[standardize]") {
  for (const MeanRounding rounding : kRoundings)
    for (const std::size_t count : {3U, 100'000U, 1'000'000U})
      for (const double value : {36.6, -0.1, 1e-7, 1e200, 1e-200, kLargest}) {
        INFO(count << " times " << value);
        const Preprocessing map = standardize(column(std::vector<double>(count, value)), rounding);
        REQUIRE(map.scale.size() == 1);
        CHECK(map.scale[0] == 1);
        CHECK(map.offset[0] == Approx(value).epsilon(1e-9));
      }
}

TEST_CASE("a value that was computed in two ways is a constant", "[standardize]") {
  const double value = 36.6;
  const auto values = made(
      100'000, [&](std::size_t i) { return i % 3 == 0 ? std::nextafter(value, 40.0) : value; });
  CHECK(standardize(column(values)).scale[0] == 1);
}

TEST_CASE("a deviation far below the mean is found", "[standardize]") {
  // Nanoseconds since 1970, of which double holds every 256th; and a sum of many that is off by
  // more than they vary.
  for (const MeanRounding rounding : kRoundings) {
    const auto stamps =
        made(1000, [](std::size_t i) { return 1.7e18 + 25600.0 * (i % 2 ? 1 : -1); });
    CHECK(standardize(column(stamps), rounding).scale[0] == Approx(1 / 25600.0));
    const auto many = made(300'000, [](std::size_t i) { return 1e9 / 3 + (i % 2 ? 1e-5 : -1e-5); });
    const Preprocessing map = standardize(column(many), rounding);
    CHECK(map.scale[0] == Approx(1e5).epsilon(1e-2));
    double mean = 0;
    for (const double x : mapped<double>(many, map)) mean += x / 3e5;
    CHECK(std::abs(mean) < 1e-2);
  }
}

TEMPLATE_TEST_CASE("extreme magnitudes become ordinary ones", "[standardize]", float, double) {
  for (const MeanRounding rounding : kRoundings)
    for (const double unit : {1e153, 1e160, 1e300, kLargest / 4, 1e-154, 1e-163, 1e-200, 1e-300}) {
      INFO(unit);
      const std::vector<double> values{1 * unit, 3 * unit, 1 * unit, 3 * unit};
      const auto x = mapped<TestType>(values, standardize(column(values), rounding));
      for (std::size_t i = 0; i < 4; ++i)
        CHECK(static_cast<double>(x[i]) == Approx(i % 2 == 0 ? -1 : 1).epsilon(1e-6));
    }
  // Denormal numbers, whose scale would be infinite, and a range that is.
  const auto check_order = [](const std::vector<double>& values) {
    for (const auto& map : {standardize(column(values)), scale_to_unit(column(values))}) {
      const auto x = mapped<TestType>(values, map);
      for (const TestType v : x) CHECK(std::isfinite(v));
      CHECK(x[0] < x[1]);
    }
  };
  check_order({1e-310, 3e-310});
  check_order({-kLargest, kLargest});
  check_order({-kLargest, 0.9 * kLargest});
}

TEST_CASE("ordinary features keep the bits that models were trained with", "[standardize]") {
  const RandomStream random(5, RandomPurpose::split);
  constexpr std::size_t kCount = 5000;
  for (const double centre : {0.0, 36.6, -1013.25, 1999.0}) {
    const auto values =
        made(kCount, [&](std::size_t i) { return centre + 7 * random.uniform(i) - 3; });
    double sum = 0, of_summands = 0;
    for (const double x : values) {
      sum += x;
      of_summands += x / kCount;
    }
    for (const MeanRounding rounding : kRoundings) {
      const double mean = rounding == MeanRounding::sum_divided ? sum / kCount : of_summands;
      double squares = 0;
      for (const double x : values) squares += (x - mean) * (x - mean);
      const Preprocessing map = standardize(column(values), rounding);
      CHECK(map.offset == std::vector<double>{mean});
      CHECK(map.scale == std::vector<double>{1 / std::sqrt(squares / kCount)});
    }
  }
  // So does a constant of few samples, whose mean may be off by a last bit.
  CHECK(standardize(column({0.1, 0.1, 0.1})).offset[0] == (0.1 + 0.1 + 0.1) / 3);
}

TEST_CASE("bytes that are 0 and 1 stay 0 and 1", "[standardize]") {
  using Bytes = std::vector<std::uint8_t>;
  const Dataset bits(Bytes{0, 1, 1, 0}, {2}, {}), bytes(Bytes{0, 1, 2, 0}, {2}, {});
  const Preprocessing unscaled, scaled{{}, {1.0 / 255.0}};
  CHECK(suggest_preprocessing(bits) == unscaled);
  CHECK(scale_to_unit(bits) == unscaled);
  CHECK(suggest_preprocessing(bytes) == scaled);
  CHECK(scale_to_unit(bytes) == scaled);
}

TEST_CASE("scale_to_unit maps each range to [0, 1]", "[standardize]") {
  const Dataset data(std::vector<double>{-2, 5, 1e300, 2, 5, 3e300}, {3}, {});
  const Preprocessing map = scale_to_unit(data);
  CHECK(map.offset == std::vector<double>{-2, 5, 1e300});
  CHECK(map.scale[0] == 0.25);
  CHECK(map.scale[1] == 1);
  CHECK(map.scale[2] == Approx(5e-301));
  CHECK(scale_to_unit(Dataset(std::vector<float>{}, {2}, {})) == Preprocessing{});
}

}  // namespace
}  // namespace lamella::test
