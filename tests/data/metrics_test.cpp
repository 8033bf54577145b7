// classification_metrics against figures worked out by hand.
#include <lamella/error.h>
#include <lamella/metrics.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Labels = std::vector<std::int32_t>;

TEST_CASE("confusion matrix and per-class figures", "[metrics]") {
  // Class 3 never occurs and is never predicted, class 2 is predicted and never occurs.
  const Labels labels = {0, 0, 0, 1, 1, 1, 1, 0};
  const Labels predictions = {0, 1, 0, 1, 1, 2, 0, 0};
  const Evaluation result = classification_metrics(labels, predictions, 4);
  CHECK(result.samples == 8);
  CHECK(result.accuracy == 5.0 / 8);
  CHECK(result.log_loss == 0);
  CHECK(result.confusion_matrix ==
        std::vector<std::vector<index_t>>{{3, 1, 0, 0}, {1, 2, 1, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
  REQUIRE(result.per_class.size() == 4);
  CHECK(result.per_class[0].precision == 3.0 / 4);
  CHECK(result.per_class[0].recall == 3.0 / 4);
  CHECK(result.per_class[0].f1 == 3.0 / 4);
  CHECK(result.per_class[0].support == 4);
  CHECK(result.per_class[1].precision == 2.0 / 3);
  CHECK(result.per_class[1].recall == 2.0 / 4);
  CHECK(result.per_class[1].f1 == Approx(2 * (2.0 / 3) * 0.5 / (2.0 / 3 + 0.5)));
  for (const std::size_t c : {2U, 3U}) {
    CHECK(result.per_class[c].precision == 0);
    CHECK(result.per_class[c].recall == 0);
    CHECK(result.per_class[c].f1 == 0);
    CHECK(result.per_class[c].support == 0);
  }
}

TEST_CASE("metrics of no samples are zero, not NaN", "[metrics]") {
  const Evaluation result = classification_metrics({}, {}, 2);
  CHECK(result.samples == 0);
  CHECK(result.accuracy == 0);
  CHECK(result.per_class[1].f1 == 0);
}

TEST_CASE("metrics refuse what is out of range", "[metrics]") {
  const auto refusal = [](const Labels& labels, const Labels& predictions, index_t classes) {
    return message_of<ArgumentError>([&] { classification_metrics(labels, predictions, classes); });
  };
  CHECK_THAT(refusal({0, 1}, {0}, 2), ContainsSubstring("2 labels and 1 predictions"));
  CHECK_THAT(refusal({0, 2}, {0, 0}, 2), ContainsSubstring("label 2 of sample 1"));
  CHECK_THAT(refusal({0, -1}, {0, 0}, 2), ContainsSubstring("label -1 of sample 1"));
  CHECK_THAT(refusal({0, 0}, {0, 2}, 2), ContainsSubstring("prediction 2 of sample 1"));
  CHECK_THAT(refusal({}, {}, 0), ContainsSubstring("0 classes"));
  CHECK_THAT(refusal({}, {}, 100'000), ContainsSubstring("100000 classes"));
}

}  // namespace
}  // namespace lamella::test
