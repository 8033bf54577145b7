// require_learnable and data_warnings: data from which nothing, or the wrong thing, is learnt.
#include <functional>

#include <lamella/data_checks.h>
#include <lamella/error.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Labels = std::vector<std::int32_t>;
using Names = std::vector<std::string>;

constexpr std::size_t kSamples = 40;

// Samples of two features: value(i), and one that tells nothing but differs.
Dataset samples(const std::function<double(std::size_t)>& value, Labels labels, Names names = {}) {
  std::vector<double> values;
  for (std::size_t i = 0; i < kSamples; ++i) {
    values.push_back(value(i));
    values.push_back(static_cast<double>(i * i % 7));
  }
  return Dataset(std::move(values), {2}, std::move(labels), std::move(names));
}
double ordinary(std::size_t i) { return static_cast<double>(i * i % 13) / 4; }

Labels labels_modulo(std::size_t classes) {
  Labels labels;
  for (std::size_t i = 0; i < kSamples; ++i)
    labels.push_back(static_cast<std::int32_t>(i % classes));
  return labels;
}
Names numbered(std::size_t classes, const std::string& fraction) {
  Names names;
  for (std::size_t i = 0; i < classes; ++i) names.push_back(std::to_string(i) + fraction);
  return names;
}
std::string refusal(const Dataset& data) {
  return message_of<DataError>([&] { require_learnable("t.csv", data); });
}
std::string warning(const Dataset& data, Suspicion suspicion) {
  const auto warnings = data_warnings("t.csv", data);
  if (warnings.size() != 1 || warnings[0].suspicion != suspicion)
    return std::to_string(warnings.size()) + " warnings, not one of that kind";
  return warnings[0].text;
}

TEST_CASE("ordinary data pass", "[data_checks]") {
  for (const std::size_t classes : {2U, 3U, 20U}) {
    const Dataset data = samples(ordinary, labels_modulo(classes));
    CHECK_NOTHROW(require_learnable("t.csv", data));
    CHECK(data_warnings("t.csv", data, &data).empty());
  }
  // Grades in halves.
  const Dataset grades = samples(ordinary, labels_modulo(5), {"0", "0.5", "1", "1.5", "2"});
  CHECK_NOTHROW(require_learnable("t.csv", grades));
  CHECK(data_warnings("t.csv", grades).empty());
}

TEST_CASE("one class only is refused", "[data_checks]") {
  const Dataset one = samples(ordinary, labels_modulo(1), {"a"}).with_columns({{}, "kind"});
  CHECK_THAT(refusal(one), ContainsSubstring("t.csv: the labels (column 'kind') name one class "
                                             "only, 'a', for all 40 samples"));
  const Dataset of_two = samples(ordinary, Labels(kSamples, 1), {"a", "b"});
  CHECK_THAT(refusal(of_two), ContainsSubstring("one class only, 'b'"));
  CHECK_THAT(refusal(samples(ordinary, {})), ContainsSubstring("no labels"));
}

TEST_CASE("a continuous target is refused", "[data_checks]") {
  const Dataset price =
      samples(ordinary, labels_modulo(30), numbered(30, ".25")).with_columns({{}, "price"});
  CHECK_THAT(refusal(price), ContainsSubstring("(column 'price') are 30 different numbers") &&
                                 ContainsSubstring("a quantity, not classes"));
  CHECK_NOTHROW(require_learnable("t.csv", samples(ordinary, labels_modulo(30))));
}

TEST_CASE("about as many classes as samples are suspicious", "[data_checks]") {
  CHECK_THAT(warning(samples(ordinary, labels_modulo(kSamples)), Suspicion::likely),
             ContainsSubstring("the labels name 40 classes for 40 samples"));
  CHECK_THAT(warning(samples(ordinary, labels_modulo(21)), Suspicion::likely),
             ContainsSubstring("21 classes for 40 samples"));
}

TEST_CASE("a feature that counts the samples is suspicious", "[data_checks]") {
  const auto text = [](const std::function<double(std::size_t)>& value, Names names = {}) {
    return warning(samples(value, labels_modulo(2)).with_columns({std::move(names), ""}),
                   Suspicion::likely);
  };
  const auto count = [](std::size_t i) { return static_cast<double>(i); };
  CHECK_THAT(text(count), ContainsSubstring("feature 1 counts the samples"));
  CHECK_THAT(text(count, {"", "b"}), ContainsSubstring("feature 1, which has no name, counts"));
  CHECK_THAT(text(count, {"id", "b"}), ContainsSubstring("feature 1 ('id') counts"));
  CHECK_THAT(text([](std::size_t i) { return 100 + static_cast<double>(i); }),
             ContainsSubstring("counts the samples"));
  // In any order: a table that was shuffled after it got its index.
  CHECK_THAT(text([](std::size_t i) { return static_cast<double>(i * 7 % kSamples); }),
             ContainsSubstring("counts the samples"));
  const auto part = [](std::size_t i) { return static_cast<double>(3 * i); };
  for (const std::string name : {"", "Unnamed: 0"})
    CHECK_THAT(text(part, {name, "b"}), ContainsSubstring("may be the index of a table"));
  CHECK(data_warnings("t.csv", samples(part, labels_modulo(2)).with_columns({{"a", "b"}, ""}))
            .empty());
  for (const auto& value : std::vector<std::function<double(std::size_t)>>{
           [](std::size_t i) { return static_cast<double>(2 * i); },
           [](std::size_t i) { return static_cast<double>(i) / 2; },
           [](std::size_t i) { return static_cast<double>(i == 39 ? 38 : i); }})
    CHECK(data_warnings("t.csv", samples(value, labels_modulo(2))).empty());
}

TEST_CASE("features that are all the same, and classes without samples", "[data_checks]") {
  const Dataset black(std::vector<std::uint8_t>(kSamples * 4), {2, 2}, labels_modulo(2));
  CHECK_THAT(warning(black, Suspicion::likely), ContainsSubstring("all samples are the same"));
  const Dataset gap = samples(ordinary, labels_modulo(2), {"a", "b", "c"});
  CHECK_THAT(warning(gap, Suspicion::possible), ContainsSubstring("training data have no sample of "
                                                                  "class 'c'"));
  const Dataset both = samples(ordinary, labels_modulo(3), {"a", "b", "c"});
  const auto warnings = data_warnings("t.csv", both, &gap);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0].text, ContainsSubstring("test data have no sample of class 'c'"));
}

TEST_CASE("identifiers are not so many classes", "[data_checks]") {
  const auto made = [](Labels labels, Names names) {
    return message_of<DataError>([&] {
      const Dataset data(std::vector<float>(labels.size()), {1}, labels, std::move(names));
    });
  };
  CHECK_THAT(made({90001, 90210}, {}),
             ContainsSubstring("label 90210 would make 90211 classes of 2 samples"));
  CHECK(made({0, 999}, {}) == "(no exception)");
}

}  // namespace
}  // namespace lamella::test
