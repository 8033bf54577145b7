// Metrics against figures worked out by hand, and those of scikit-learn.
#include "tests/data/reference/metrics.h"

#include <lamella/error.h>
#include <lamella/matrix.h>
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
  CHECK(result.balanced_accuracy == (3.0 / 4 + 2.0 / 4) / 2);     // of classes with samples
  CHECK(result.macro_recall == Approx((3.0 / 4 + 2.0 / 4) / 3));  // and of class 2, predicted
  CHECK(result.macro_precision == Approx((3.0 / 4 + 2.0 / 3) / 3));
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

TEMPLATE_TEST_CASE("metrics are those of scikit-learn", "[metrics]", float, double) {
  using T = TestType;
  for (const MetricsReference& reference : kMetricsReferences) {
    INFO(reference.name);
    const auto samples = std::ssize(reference.labels);
    Matrix<T> probabilities(samples, reference.classes);
    Labels predictions;
    for (index_t s = 0; s < samples; ++s) {
      index_t best = 0;
      for (index_t c = 0; c < reference.classes; ++c) {
        const int share =
            reference.probabilities[static_cast<std::size_t>(s * reference.classes + c)];
        probabilities(s, c) = static_cast<T>(share) / 32;
        if (probabilities(s, c) > probabilities(s, best)) best = c;
      }
      predictions.push_back(static_cast<std::int32_t>(best));
    }
    const auto close = [](double value) { return Approx(value).epsilon(1e-12); };
    const Evaluation classes =
        classification_metrics(reference.labels, predictions, reference.classes);
    CHECK(classes.balanced_accuracy == close(reference.balanced_accuracy));
    CHECK(classes.macro_precision == close(reference.macro_precision));
    CHECK(classes.macro_recall == close(reference.macro_recall));
    CHECK(classes.macro_f1 == close(reference.macro_f1));
    const ConstView<T> view = probabilities.view();
    const ProbabilityMetrics found = probability_metrics(reference.labels, view, reference.top_k);
    CHECK(found.top_k == reference.top_k);
    if (reference.classes > 2) CHECK(found.top_k_accuracy == close(reference.top_k_accuracy));
    CHECK(found.brier_score == close(reference.brier_score));
    CHECK(found.expected_calibration_error == close(reference.calibration_error));
    REQUIRE(found.roc_auc);
    CHECK(*found.roc_auc == close(reference.roc_auc));
    REQUIRE(found.average_precision);
    CHECK(*found.average_precision == close(reference.average_precision));
    const ProbabilityMetrics without =
        probability_metrics(reference.labels, view, reference.top_k, RankMetrics::left_out);
    CHECK(without.brier_score == found.brier_score);
    CHECK_FALSE(without.roc_auc);
    CHECK_FALSE(without.average_precision);
  }
}

TEST_CASE("figures of probabilities at their edges", "[metrics]") {
  Matrix<double> sure(2, 2);
  sure(0, 0) = sure(1, 1) = 1;
  const ProbabilityMetrics right = probability_metrics<double>(Labels{0, 1}, sure.view());
  CHECK(right.top_k == 2);  // lowered to the number of classes
  CHECK(right.top_k_accuracy == 1);
  CHECK(right.brier_score == 0);
  CHECK(right.expected_calibration_error == 0);
  CHECK(right.roc_auc == 1.0);
  CHECK(right.average_precision == 1.0);
  const ProbabilityMetrics wrong = probability_metrics<double>(Labels{1, 0}, sure.view(), 1);
  CHECK(wrong.top_k_accuracy == 0);
  CHECK(wrong.brier_score == 1);
  CHECK(wrong.expected_calibration_error == 1);
  CHECK(wrong.roc_auc == 0.0);
  const ProbabilityMetrics one_class = probability_metrics<double>(Labels{1, 1}, sure.view());
  CHECK_FALSE(one_class.roc_auc);  // there is nothing to tell apart
  CHECK_FALSE(one_class.average_precision);
  sure(0, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(probability_metrics<double>(Labels{0, 1}, sure.view()).roc_auc);
  const ProbabilityMetrics none = probability_metrics<double>({}, Matrix<double>(0, 2).view());
  CHECK(none.brier_score == 0);
  CHECK_FALSE(none.roc_auc);
}

TEST_CASE("figures of probabilities refuse what does not fit", "[metrics]") {
  const Matrix<float> probabilities(2, 3);
  const auto refusal = [&](const Labels& labels, index_t top_k) {
    return message_of<ArgumentError>(
        [&] { probability_metrics<float>(labels, probabilities.view(), top_k); });
  };
  CHECK(refusal({0}, 1) == "probability_metrics: 1 labels for probabilities of 2 samples");
  CHECK(refusal({0, 3}, 1) == "probability_metrics: label 3 of sample 1 is not one of 0 to 2");
  CHECK(refusal({0, 1}, 0) == "probability_metrics: top_k is 0; it must be at least 1");
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
