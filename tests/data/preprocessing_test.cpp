// Preprocessing: learned from data, and applied to samples outside of a data set.
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <lamella/error.h>
#include <lamella/matrix.h>

#include "core/base/random.h"
#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr index_t kSamples = 5, kFeatures = 7;

template <class Stored>
std::vector<Stored> random_values() {
  const RandomStream random(3, RandomPurpose::split);
  std::vector<Stored> values(kSamples * kFeatures);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<Stored>(256 * random.uniform(i));
  return values;
}

// The elements of a view, row by row.
template <class T>
std::vector<T> elements_of(View<T> v) {
  std::vector<T> elements;
  for (index_t i = 0; i < v.rows; ++i)
    for (index_t j = 0; j < v.cols; ++j) elements.push_back(v(i, j));
  return elements;
}

template <class T, class Stored>
void check_against_gather() {
  const std::vector<Stored> values = random_values<Stored>();
  const Dataset data(values, {kFeatures}, {});
  std::vector<std::int32_t> all(kSamples);
  std::iota(all.begin(), all.end(), 0);
  const std::vector<double> per_feature{1, 2.5, 3, 4, 5, 6, 7.1};
  std::vector<Stored> by_columns(values.size());
  const View<const Stored> rows = row_major(values.data(), kSamples, kFeatures);
  const View<Stored> columns{by_columns.data(), kSamples, kFeatures, 1, kSamples};
  for (index_t i = 0; i < kSamples; ++i)
    for (index_t j = 0; j < kFeatures; ++j) columns(i, j) = rows(i, j);

  for (const Preprocessing& map :
       {Preprocessing{}, Preprocessing{{33.3}, {1 / 255.0}}, Preprocessing{per_feature, {0.7}},
        Preprocessing{{}, per_feature}}) {
    Matrix<T> want(kSamples, kFeatures), got(kSamples, kFeatures);
    data.gather(all, map, want.view());
    apply_preprocessing(rows, map, got.view());
    CHECK(std::memcmp(got.data(), want.data(), sizeof(T) * values.size()) == 0);
    std::vector<T> memory(2 * values.size());
    const View<T> strided{memory.data(), kSamples, kFeatures, 2, 2 * kSamples};
    apply_preprocessing(columns, map, strided);
    CHECK(elements_of(strided) == elements_of(want.view()));
  }
}

TEMPLATE_TEST_CASE("apply_preprocessing has the bits of gather", "[preprocessing]", float, double) {
  check_against_gather<TestType, std::uint8_t>();
  check_against_gather<TestType, float>();
  check_against_gather<TestType, double>();
}

TEST_CASE("apply_preprocessing works in place and without samples", "[preprocessing]") {
  std::vector<float> x{1, 2, 3, 4, 5, 6};
  const View<float> view = row_major(x.data(), 2, 3);
  apply_preprocessing(view, {{1, 2, 3}, {2}}, view);
  CHECK(x == std::vector<float>{0, 0, 0, 6, 6, 6});
  CHECK_NOTHROW(apply_preprocessing(View<const float>{nullptr, 0, 3, 3, 1}, {},
                                    View<double>{nullptr, 0, 3, 3, 1}));
}

TEST_CASE("apply_preprocessing refuses what does not fit and writes nothing", "[preprocessing]") {
  std::vector<float> memory(20, 7.0F);
  const std::vector<float> before = memory;
  const View<const float> x = row_major<const float>(memory.data(), 2, 3);
  const auto refusal = [&](View<const float> from, const Preprocessing& map, View<float> out) {
    const std::string message =
        message_of<ArgumentError>([&] { apply_preprocessing(from, map, out); });
    CHECK(memory == before);
    return message;
  };
  const View<float> out = row_major(memory.data() + 6, 2, 3);
  CHECK_THAT(refusal(x, {}, row_major(memory.data() + 6, 3, 3)), ContainsSubstring("out is 3 x 3"));
  CHECK_THAT(refusal(x, {{1, 2}, {}}, out), ContainsSubstring("2 values of offset"));
  CHECK_THAT(refusal(x, {{}, {1, 2, 3, 4}}, out), ContainsSubstring("4 values of scale"));
  CHECK_THAT(refusal(x, {}, row_major(memory.data() + 5, 2, 3)), ContainsSubstring("overlap"));
  CHECK_THAT(refusal(x, {}, {nullptr, 2, 3, 3, 1}), ContainsSubstring("out"));
  CHECK_THAT(refusal({nullptr, 2, 3, 3, 1}, {}, out), ContainsSubstring("x has no memory"));
  CHECK_THAT(refusal({memory.data(), 2, 3, -3, 1}, {}, out), ContainsSubstring("negative"));
  CHECK_THAT(refusal({memory.data(), 2, 3, std::numeric_limits<index_t>::max(), 1}, {}, out),
             ContainsSubstring("too large"));
}

TEST_CASE("standardize gives mean 0 and deviation 1, also to bytes", "[preprocessing]") {
  const auto check = [](const Dataset& data) {
    const Preprocessing map = standardize(data);
    REQUIRE(map.offset.size() == static_cast<std::size_t>(kFeatures));
    Matrix<double> x(kSamples, kFeatures);
    std::vector<std::int32_t> all(kSamples);
    std::iota(all.begin(), all.end(), 0);
    data.gather(all, map, x.view());
    for (index_t j = 0; j < kFeatures; ++j) {
      double sum = 0, squares = 0;
      for (index_t i = 0; i < kSamples; ++i) sum += x(i, j);
      for (index_t i = 0; i < kSamples; ++i) squares += x(i, j) * x(i, j);
      CHECK(std::abs(sum) < 1e-12);
      CHECK(squares / kSamples == Approx(1).epsilon(1e-12));
    }
    return map;
  };
  const Dataset bytes(random_values<std::uint8_t>(), {kFeatures}, {});
  const Dataset doubles(random_values<double>(), {kFeatures}, {});
  check(bytes);
  CHECK(check(doubles) == suggest_preprocessing(doubles));
  CHECK(suggest_preprocessing(bytes) == Preprocessing{{}, {1.0 / 255.0}});
  CHECK(standardize(Dataset(std::vector<std::uint8_t>{}, {2}, {})) == Preprocessing{});
}

}  // namespace
}  // namespace lamella::test
