// Augmentation: where pixels end up, what noise is made of, and that nothing but seed, epoch and
// sample decides it.
#include "core/training/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <set>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/matrix.h>

#include "core/base/random.h"
#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Bytes = std::vector<std::uint8_t>;

Bytes moved(const ImageShape& shape, const ImageMove& move, const Bytes& image) {
  Bytes result(image.size(), 99);  // every pixel must be written
  move_image(shape, move, image.data(), result.data());
  return result;
}

TEST_CASE("shifted and flipped pixels stand where they should", "[augment]") {
  const ImageShape shape{2, 3, 1};
  const Bytes image{1, 2, 3,  //
                    4, 5, 6};
  CHECK(moved(shape, {}, image) == image);
  CHECK(moved(shape, {.right = 1}, image) == Bytes{0, 1, 2, 0, 4, 5});
  CHECK(moved(shape, {.right = -2}, image) == Bytes{3, 0, 0, 6, 0, 0});
  CHECK(moved(shape, {.down = 1}, image) == Bytes{0, 0, 0, 1, 2, 3});
  CHECK(moved(shape, {.down = -1, .right = 1}, image) == Bytes{0, 4, 5, 0, 0, 0});
  CHECK(moved(shape, {.flip = true}, image) == Bytes{3, 2, 1, 6, 5, 4});
  CHECK(moved(shape, {.right = 1, .flip = true}, image) == Bytes{0, 3, 2, 0, 6, 5});  // flip first
  CHECK(moved(shape, {.right = -1, .flip = true}, image) == Bytes{2, 1, 0, 5, 4, 0});
  // Out of sight.
  CHECK(moved(shape, {.right = 3}, image) == Bytes(6, 0));
  CHECK(moved(shape, {.right = -7}, image) == Bytes(6, 0));
  CHECK(moved(shape, {.down = 2}, image) == Bytes(6, 0));
}

TEST_CASE("colours move together", "[augment]") {
  const ImageShape shape{1, 3, 2};
  const Bytes image{1, 10, 2, 20, 3, 30};
  CHECK(moved(shape, {.right = 1}, image) == Bytes{0, 0, 1, 10, 2, 20});
  CHECK(moved(shape, {.flip = true}, image) == Bytes{3, 30, 2, 20, 1, 10});
  CHECK(moved(shape, {.angle = std::numbers::pi}, image) == Bytes{3, 30, 2, 20, 1, 10});
}

TEST_CASE("turned pixels stand where they should", "[augment]") {
  const ImageShape shape{3, 3, 1};
  const Bytes image{1, 2, 3,  //
                    4, 5, 6,  //
                    7, 8, 9};
  constexpr double kQuarter = std::numbers::pi / 2;
  CHECK(moved(shape, {.angle = kQuarter}, image) == Bytes{3, 6, 9, 2, 5, 8, 1, 4, 7});
  CHECK(moved(shape, {.angle = -kQuarter}, image) == Bytes{7, 4, 1, 8, 5, 2, 9, 6, 3});
  CHECK(moved(shape, {.angle = 2 * kQuarter}, image) == Bytes{9, 8, 7, 6, 5, 4, 3, 2, 1});
  // Flipped, then turned, then shifted.
  CHECK(moved(shape, {.flip = true, .angle = kQuarter}, image) == Bytes{1, 4, 7, 2, 5, 8, 3, 6, 9});
  CHECK(moved(shape, {.right = 1, .angle = kQuarter}, image) == Bytes{0, 3, 6, 0, 2, 5, 0, 1, 4});
}

TEST_CASE("between pixels a turned image is mixed of four", "[augment]") {
  // Turned by 45 degrees, the lower left corner comes to lie below the middle of the lowest row,
  // whose own middle stems from halfway, by area, between the corner and the centre.
  const ImageShape shape{3, 3, 1};
  const std::vector<double> image{0, 0, 0,  //
                                  0, 0, 0,  //
                                  8, 0, 0};
  std::vector<double> turned(9, 99);
  move_image(shape, {.angle = std::numbers::pi / 4}, image.data(), turned.data());
  CHECK(std::abs(turned[7] - 4) <= 1e-12);  // √½ along each axis
  for (const std::size_t zero : {0U, 1U, 2U, 3U, 4U, 5U}) CHECK(turned[zero] == 0);
}

TEST_CASE("scaled, sheared and cut pixels stand where they should", "[augment]") {
  const ImageShape shape{3, 3, 1};
  const Bytes image{1, 2, 3,  //
                    4, 5, 6,  //
                    7, 8, 9};
  // Twice as large: the corners come from halfway to the centre, where four pixels meet.
  CHECK(moved(shape, {.scale = 2}, image) == Bytes{3, 4, 4, 5, 5, 6, 6, 7, 7});
  // Half as large: all but the centre comes from the edge, or from beyond.
  CHECK(moved(shape, {.scale = 0.5}, image) == Bytes{0, 0, 0, 0, 5, 0, 0, 0, 0});
  // Rows move by as much as they are away from the centre; the lower one to the right.
  CHECK(moved(shape, {.shear = 1}, image) == Bytes{2, 3, 0, 4, 5, 6, 0, 7, 8});
  CHECK(moved(shape, {.shear = -1}, image) == Bytes{0, 1, 2, 4, 5, 6, 8, 9, 0});
  // Sheared, then turned.
  CHECK(moved(shape, {.angle = std::numbers::pi / 2, .shear = 1}, image) ==
        moved(shape, {.angle = std::numbers::pi / 2}, moved(shape, {.shear = 1}, image)));
  CHECK(moved(shape, {.cut_top = 1, .cut_left = 1, .cut_size = 1}, image) ==
        Bytes{1, 2, 3, 4, 0, 6, 7, 8, 9});
  CHECK(moved(shape, {.cut_top = -1, .cut_left = 1, .cut_size = 2}, image) ==
        Bytes{1, 0, 0, 4, 5, 6, 7, 8, 9});
  CHECK(moved({1, 3, 2}, {.cut_left = 2, .cut_size = 5}, {1, 10, 2, 20, 3, 30}) ==
        Bytes{1, 10, 2, 20, 0, 0});
}

TEST_CASE("scale, shear and cut-out are uniform over what was asked for", "[augment]") {
  const Augmentation augmentation{.scale = 0.25, .shear = 45, .cut_out = 4};
  std::array<double, 2> scale{1, 1}, shear{};
  std::array<int, 35> centres{};
  for (std::int32_t sample = 0; sample < 7000; ++sample) {
    const ImageMove move = draw_move(augmentation, 7, 3, sample, {5, 7, 1});
    scale = {std::min(scale[0], move.scale), std::max(scale[1], move.scale)};
    shear = {std::min(shear[0], move.shear), std::max(shear[1], move.shear)};
    REQUIRE(move.cut_size == 4);
    REQUIRE((move.cut_top >= -2 && move.cut_top < 3 && move.cut_left >= -2 && move.cut_left < 5));
    ++centres[static_cast<std::size_t>(7 * (move.cut_top + 2) + move.cut_left + 2)];
  }
  CHECK((scale[0] >= 0.75 && scale[0] < 0.751 && scale[1] <= 1.25 && scale[1] > 1.249));
  CHECK((shear[0] >= -1 && shear[0] < -0.99 && shear[1] <= 1 && shear[1] > 0.99));
  for (const int count : centres) CHECK(std::abs(count - 200) <= 5 * 14);
}

TEST_CASE("moves are uniform over what was asked for", "[augment]") {
  const Augmentation augmentation{.shift = 2, .flip = true, .rotation = 30};
  std::array<int, 25> places{};
  int flips = 0;
  double least = 0, most = 0;
  constexpr int kSamples = 10'000;
  for (std::int32_t sample = 0; sample < kSamples; ++sample) {
    const ImageMove move = draw_move(augmentation, 7, 3, sample);
    REQUIRE(std::abs(move.down) <= 2);
    REQUIRE(std::abs(move.right) <= 2);
    ++places[static_cast<std::size_t>(5 * (move.down + 2) + move.right + 2)];
    flips += move.flip ? 1 : 0;
    least = std::min(least, move.angle);
    most = std::max(most, move.angle);
  }
  // Five deviations of a binomial variable to either side.
  for (const int count : places) CHECK(std::abs(count - 400) <= 5 * 20);
  CHECK(std::abs(flips - 5000) <= 5 * 50);
  CHECK(most <= std::numbers::pi / 6);
  CHECK(least >= -std::numbers::pi / 6);
  CHECK(most >= 0.99 * std::numbers::pi / 6);
  CHECK(least <= -0.99 * std::numbers::pi / 6);

  const ImageMove none = draw_move({.noise = 1}, 7, 3, 5);
  CHECK((none.down == 0 && none.right == 0 && !none.flip && none.angle == 0));
}

TEST_CASE("noise is standard normal, times the deviation", "[augment]") {
  constexpr index_t kSamples = 200, kFeatures = 1001;
  Matrix<double> x(kSamples, kFeatures);
  std::vector<std::int32_t> samples(kSamples);
  std::iota(samples.begin(), samples.end(), 0);
  add_noise(0.5, 1, 1, samples, x.view());
  const double n = static_cast<double>(x.size());
  double sum = 0, squares = 0, fourth = 0, neighbours = 0;
  std::array<double, 4> beyond{};  // how many exceed 0, 1, 2, 3 deviations
  for (index_t i = 0; i < kSamples; ++i)
    for (index_t j = 0; j < kFeatures; ++j) {
      const double z = x(i, j) / 0.5;
      sum += z;
      squares += z * z;
      fourth += z * z * z * z;
      if (j > 0) neighbours += z * x(i, j - 1) / 0.5;
      for (std::size_t k = 0; k < 4; ++k) beyond[k] += z > static_cast<double>(k) ? 1 : 0;
    }
  CHECK(std::abs(sum / n) <= 5 / std::sqrt(n));
  CHECK(std::abs(squares / n - 1) <= 5 * std::sqrt(2 / n));
  CHECK(std::abs(fourth / n - 3) <= 5 * std::sqrt(96 / n));
  CHECK(std::abs(neighbours / n) <= 5 / std::sqrt(n));
  for (std::size_t k = 0; k < 4; ++k) {
    const double p = std::erfc(static_cast<double>(k) / std::numbers::sqrt2) / 2;
    CHECK(std::abs(beyond[k] / n - p) <= 5 * std::sqrt(p * (1 - p) / n));
  }
}

/// 40 images of 5 x 4 random pixels.
template <class Stored>
Dataset images() {
  const RandomStream random(3, RandomPurpose::split);
  std::vector<Stored> values(40 * 20);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<Stored>(256 * random.uniform(i));
  return Dataset(values, {5, 4}, {});
}

template <class T>
Matrix<T> gathered(const Dataset& data, const Augmentation& augmentation, std::uint64_t seed,
                   std::uint32_t epoch, const std::vector<std::int32_t>& samples,
                   const Preprocessing& preprocessing = {{}, {1.0 / 255}}) {
  Augmenter augmenter(data, augmentation, seed, static_cast<index_t>(samples.size()));
  Matrix<T> columns(data.features(), static_cast<index_t>(samples.size()));
  const View<T> out = transposed(columns.view());  // samples in columns, as the network has them
  const auto backend = make_backend({.name = "scalar"});
  augmenter.gather(samples, epoch, Gatherer<T>(*backend, preprocessing, data.features()), out);
  Matrix<T> result(out.rows, out.cols);
  for (index_t i = 0; i < out.rows; ++i)
    for (index_t j = 0; j < out.cols; ++j) result(i, j) = out(i, j);
  return result;
}

template <class T>
bool same_row(const Matrix<T>& a, index_t i, const Matrix<T>& b, index_t k) {
  for (index_t j = 0; j < a.cols(); ++j)
    if (a(i, j) != b(k, j)) return false;
  return true;
}

const Augmentation kEverything{.shift = 1, .flip = true, .rotation = 20, .noise = 0.1};

TEMPLATE_TEST_CASE("a sample's changes depend on seed, epoch and its number alone", "[augment]",
                   float, double) {
  const Dataset data = images<std::uint8_t>();
  std::vector<std::int32_t> all(40);
  std::iota(all.begin(), all.end(), 0);
  const auto whole = gathered<TestType>(data, kEverything, 5, 2, all);
  const std::vector<std::int32_t> some{17, 3, 39, 0, 3};
  const auto part = gathered<TestType>(data, kEverything, 5, 2, some);
  for (std::size_t i = 0; i < some.size(); ++i)
    CHECK(same_row(part, static_cast<index_t>(i), whole, some[i]));

  const auto next_epoch = gathered<TestType>(data, kEverything, 5, 3, all);
  const auto other_seed = gathered<TestType>(data, kEverything, 6, 2, all);
  for (index_t i = 0; i < 40; ++i) {
    CHECK(!same_row(next_epoch, i, whole, i));
    CHECK(!same_row(other_seed, i, whole, i));
  }
}

TEMPLATE_TEST_CASE("images are moved, then preprocessed", "[augment]", std::uint8_t, float,
                   double) {
  const Dataset data = images<TestType>();
  Preprocessing preprocessing{{}, {0.5}};
  for (index_t j = 0; j < data.features(); ++j)
    preprocessing.offset.push_back(static_cast<double>(j));  // shows what moved and what did not
  const Augmentation augmentation{.shift = 3, .flip = true};
  const std::vector<std::int32_t> samples{4, 9, 22, 30};
  const auto got = gathered<double>(data, augmentation, 1, 1, samples, preprocessing);
  std::set<index_t> shifts;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const ImageMove move = draw_move(augmentation, 1, 1, samples[i]);
    shifts.insert(100 * move.down + move.right);
    for (index_t y = 0; y < 5; ++y)
      for (index_t x = 0; x < 4; ++x) {
        const index_t from_y = y - move.down;
        const index_t shifted_x = x - move.right;
        const index_t from_x = move.flip ? 3 - shifted_x : shifted_x;
        const bool inside = from_y >= 0 && from_y < 5 && from_x >= 0 && from_x < 4;
        const double stored = inside ? data.value(samples[i], 4 * from_y + from_x) : 0;
        CHECK(got(static_cast<index_t>(i), 4 * y + x) ==
              (stored - static_cast<double>(4 * y + x)) * 0.5);
      }
  }
  CHECK(shifts.size() > 1);
}

TEST_CASE("without changes, the bits are those of a plain gather", "[augment]") {
  const Dataset data = images<std::uint8_t>();
  const std::vector<std::int32_t> samples{4, 9, 22, 30};
  const auto got = gathered<float>(data, {}, 1, 1, samples);
  Matrix<float> plain(4, 20);
  data.gather<float>(samples, {{}, {1.0 / 255}}, plain.view());
  for (index_t i = 0; i < 4; ++i) CHECK(same_row(got, i, plain, i));
}

TEST_CASE("augmentation that makes no sense is refused", "[augment]") {
  const Dataset square(Bytes(2 * 16), {4, 4}, {});
  const Dataset table(Bytes(2 * 16), {16}, {});
  const Dataset planar(Bytes(2 * 192), {3, 8, 8}, {});
  const auto refused = [](const Augmentation& augmentation, const Dataset& data,
                          const std::string& problem) {
    CHECK_THROWS_AS(check_augmentation("train", augmentation, data), ArgumentError);
    CHECK_THROWS_WITH(check_augmentation("train", augmentation, data),
                      ContainsSubstring("train: augmentation: ") && ContainsSubstring(problem));
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  refused({.shift = -1}, square, "shift is -1");
  refused({.shift = 4}, square, "shift is 4, which moves images of 4 x 4 out of sight");
  for (const double value : {-1.0, 181.0, kNan, kInf})
    refused({.rotation = value}, square, "rotation is");
  for (const double value : {-1.0, kNan, kInf}) refused({.noise = value}, square, "noise is");
  refused({.flip = true}, table, "need images, but a sample is of shape 16; image_shape can");
  refused({.flip = true}, planar, "need images, but a sample is of shape 3 x 8 x 8");
  refused({.flip = true, .image_shape = {4, 5}}, table, "image_shape 4 x 5 is not that of samples");
  refused({.flip = true, .image_shape = {4, -4}}, table, "need images");
  refused({.flip = true, .image_shape = {index_t{1} << 62, 4}}, table, "image_shape");

  CHECK_NOTHROW(check_augmentation("train", {.flip = true}, square));
  CHECK_NOTHROW(check_augmentation("train", {.flip = true, .image_shape = {4, 4}}, table));
  CHECK_NOTHROW(check_augmentation("train", {.shift = 3, .image_shape = {8, 8, 3}}, planar));
  CHECK_NOTHROW(check_augmentation("train", {.noise = 1}, table));
}

}  // namespace
}  // namespace lamella::test
