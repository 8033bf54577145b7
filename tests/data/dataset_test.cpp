// Dataset: what it accepts, single values, subsets; and the preprocessing suggested for it.
#include <cmath>
#include <limits>

#include <lamella/error.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Bytes = std::vector<std::uint8_t>;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Labels = std::vector<std::int32_t>;
using Names = std::vector<std::string>;

TEST_CASE("a data set has the shape of its parts", "[dataset]") {
  const Dataset data(Bytes{1, 2, 3, 4, 5, 6, 7, 8}, {2, 2}, {2, 0});
  CHECK(data.samples() == 2);
  CHECK(data.features() == 4);
  CHECK(data.sample_shape() == std::vector<index_t>{2, 2});
  CHECK(data.labelled());
  CHECK(data.holds_bytes());
  CHECK(data.class_names() == Names{"0", "1", "2"});
  CHECK(data.classes() == 3);
  CHECK(data.value(1, 2) == 7);

  const Dataset unlabelled(Floats{0.5F, 1.5F}, {1}, {});
  CHECK(unlabelled.samples() == 2);
  CHECK_FALSE(unlabelled.labelled());
  CHECK_FALSE(unlabelled.holds_bytes());
  CHECK(unlabelled.classes() == 0);
  CHECK(unlabelled.value(1, 0) == 1.5);

  const Dataset empty(Doubles{}, {3}, {});
  CHECK(empty.samples() == 0);
  CHECK(empty.features() == 3);
}

TEST_CASE("parts that do not fit are refused", "[dataset]") {
  constexpr index_t kLarge = std::numeric_limits<index_t>::max() / 2;
  const auto argument = [](auto... parts) {
    return message_of<ArgumentError>([&] { Dataset(std::move(parts)...); });
  };
  using Shape = std::vector<index_t>;
  CHECK_THAT(argument(Floats(5), Shape{2}, Labels{}), ContainsSubstring("5 values"));
  CHECK_THAT(argument(Floats(4), Shape{2}, Labels{0}), ContainsSubstring("1 labels for 2 samples"));
  CHECK_THAT(argument(Floats(4), Shape{}, Labels{}), ContainsSubstring("at least one dimension"));
  CHECK_THAT(argument(Floats(4), Shape{2, 0}, Labels{}), ContainsSubstring("2 x 0"));
  CHECK_THAT(argument(Floats(4), Shape{-2}, Labels{}), ContainsSubstring("-2"));
  CHECK_THAT(argument(Floats(4), Shape{kLarge, 3}, Labels{}), ContainsSubstring("addressed"));
}

TEST_CASE("labels out of range name the sample", "[dataset]") {
  const auto data_error = [](Labels labels, Names names) {
    return message_of<DataError>(
        [&] { Dataset(Floats(labels.size()), {1}, labels, std::move(names)); });
  };
  CHECK_THAT(data_error({0, 1, 2}, {"a", "b"}),
             ContainsSubstring("sample 2 has label 2, which is not one of 0 to 1"));
  CHECK_THAT(data_error({0, -1}, {"a", "b"}), ContainsSubstring("sample 1 has label -1"));
  CHECK_THAT(data_error({0, -1}, {}), ContainsSubstring("sample 1 has label -1"));
  reset_largest_allocation();
  CHECK_THAT(data_error({0, 2147483647}, {}), ContainsSubstring("sample 1 has label 2147483647"));
  CHECK(largest_allocation() < 1 << 20);
}

TEST_CASE("a subset has the samples asked for, in that order", "[dataset]") {
  const Dataset data(Bytes{1, 2, 3, 4, 5, 6}, {2}, {0, 1, 0}, {"a", "b", "c"});
  const Dataset part = data.subset(Labels{2, 0, 2});
  CHECK(all_values(part) == Doubles{5, 6, 1, 2, 5, 6});
  CHECK(Labels(part.labels().begin(), part.labels().end()) == Labels{0, 0, 0});
  CHECK(part.class_names() == data.class_names());
  CHECK(part.holds_bytes());
  CHECK(data.subset({}).samples() == 0);
  CHECK_FALSE(Dataset(Floats{1, 2}, {1}, {}).subset(Labels{1}).labelled());
  CHECK_THAT(message_of<ArgumentError>([&] {
               data.subset(Labels{0, 3});
             }),
             ContainsSubstring("index 3 is not among the 3 samples"));
  CHECK_THROWS_AS(data.subset(Labels{-1}), ArgumentError);
}

TEST_CASE("bytes are scaled to [0, 1]", "[dataset]") {
  const Preprocessing suggested = suggest_preprocessing(Dataset(Bytes{0, 255}, {1}, {}));
  CHECK(suggested == Preprocessing{{}, {1.0 / 255.0}});
}

TEST_CASE("other features are standardised", "[dataset]") {
  // Feature 0 is large with a small spread, 1 is ordinary, 2 does not vary.
  const Dataset data(Doubles{1e9 + 1, -3, 0.1, 1e9 + 3, 5, 0.1, 1e9 + 5, 1, 0.1, 1e9 + 7, 9, 0.1},
                     {3}, {});
  const Preprocessing suggested = suggest_preprocessing(data);
  REQUIRE(suggested.offset.size() == 3);
  REQUIRE(suggested.scale.size() == 3);
  CHECK(suggested.offset[0] == 1e9 + 4);
  CHECK(suggested.scale[0] == Approx(1 / std::sqrt(5.0)).epsilon(1e-14));
  CHECK(suggested.offset[2] == Approx(0.1));
  CHECK(suggested.scale[2] == 1);

  std::vector<double> out(12);
  data.gather<double>(Labels{0, 1, 2, 3}, suggested, row_major(out.data(), 4, 3));
  for (const std::size_t feature : {0U, 1U}) {
    double mean = 0, square = 0;
    for (std::size_t s = 0; s < 4; ++s) {
      mean += out[3 * s + feature] / 4;
      square += out[3 * s + feature] * out[3 * s + feature] / 4;
    }
    CHECK(std::abs(mean) < 1e-12);
    CHECK(square == Approx(1).epsilon(1e-12));
  }
  for (std::size_t s = 0; s < 4; ++s) CHECK(std::abs(out[3 * s + 2]) < 1e-15);
}

TEST_CASE("preprocessing of no samples is the identity", "[dataset]") {
  CHECK(suggest_preprocessing(Dataset(Floats{}, {2}, {})) == Preprocessing{});
}

}  // namespace
}  // namespace lamella::test
