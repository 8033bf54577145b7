// classification_metrics: everything that follows from pairs of true and predicted classes. Running
// a network over data is evaluation.cpp.
#include <lamella/error.h>
#include <lamella/metrics.h>

#include "core/base/format.h"

namespace lamella {

using namespace detail;

namespace {

// The confusion matrix of these has classes² entries of 8 bytes: 2 GiB.
constexpr index_t kMaxClasses = 1 << 14;

double ratio(index_t part, index_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

void check_class(const char* what, std::size_t sample, std::int32_t value, index_t classes) {
  if (value < 0 || value >= classes)
    throw ArgumentError(
        formatted("classification_metrics: {} {} of sample {} is not one of 0 to {}", what, value,
                  sample, classes - 1));
}

}  // namespace

Evaluation classification_metrics(std::span<const std::int32_t> labels,
                                  std::span<const std::int32_t> predictions, index_t classes) {
  if (labels.size() != predictions.size())
    throw ArgumentError(formatted("classification_metrics: {} labels and {} predictions",
                                  labels.size(), predictions.size()));
  if (classes < 1 || classes > kMaxClasses)
    throw ArgumentError(
        formatted("classification_metrics: {} classes; 1 to {} are supported, for the confusion "
                  "matrix has the square of that",
                  classes, kMaxClasses));
  const auto count = static_cast<std::size_t>(classes);
  Evaluation result;
  result.samples = std::ssize(labels);
  result.confusion_matrix.assign(count, std::vector<index_t>(count, 0));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    check_class("label", i, labels[i], classes);
    check_class("prediction", i, predictions[i], classes);
    ++result.confusion_matrix[static_cast<std::size_t>(labels[i])]
                             [static_cast<std::size_t>(predictions[i])];
  }
  index_t correct = 0, present = 0, named = 0;
  double recalls = 0, precisions = 0, f1s = 0;  // sums
  std::vector<index_t> predicted(count, 0);
  for (const std::vector<index_t>& row : result.confusion_matrix)
    for (std::size_t c = 0; c < count; ++c) predicted[c] += row[c];
  for (std::size_t c = 0; c < count; ++c) {
    const index_t true_positives = result.confusion_matrix[c][c];
    index_t support = 0;
    for (const index_t n : result.confusion_matrix[c]) support += n;
    correct += true_positives;
    // F1 = 2PR / (P + R), written without the two divisions that may be 0/0.
    result.per_class.push_back({ratio(true_positives, predicted[c]), ratio(true_positives, support),
                                ratio(2 * true_positives, predicted[c] + support), support});
    const ClassMetrics& own = result.per_class.back();
    recalls += own.recall;  // 0 for a class without samples
    precisions += own.precision;
    f1s += own.f1;
    present += support > 0 ? 1 : 0;
    named += support + predicted[c] > 0 ? 1 : 0;
  }
  const auto mean = [](double sum, index_t n) { return n == 0 ? 0 : sum / static_cast<double>(n); };
  result.balanced_accuracy = mean(recalls, present);
  result.macro_recall = mean(recalls, named);
  result.macro_precision = mean(precisions, named);
  result.macro_f1 = mean(f1s, named);
  result.accuracy = ratio(correct, result.samples);
  return result;
}

}  // namespace lamella
