// Brier score, calibration error, top-k accuracy, and the areas under curves that need ranks.
#include "core/training/probability_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include <lamella/error.h>

#include "core/base/format.h"

namespace lamella {
namespace detail {
namespace {

/// The areas under the curves of "class or not", by scores in the order of `order`, best first.
struct Areas {
  double roc = 0;
  double average_precision = 0;
};

/// Walks over the samples from the highest score to the lowest, one group of equal scores after the
/// other: between two points of the curves they have no order. Nothing unless both kinds occur.
template <class T>
std::optional<Areas> areas(std::span<const T> scores, std::span<const std::int32_t> labels,
                           std::int32_t wanted, std::span<std::uint32_t> order) {
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
  const auto all = static_cast<double>(std::ranges::count(labels, wanted));
  const double others = static_cast<double>(labels.size()) - all;
  if (all == 0 || others == 0) return std::nullopt;
  Areas result;
  double positives = 0, negatives = 0;  // so far
  for (std::size_t i = 0; i < order.size();) {
    double more_positives = 0, more_negatives = 0;
    const T score = scores[order[i]];
    for (; i < order.size() && scores[order[i]] == score; ++i)
      ++(labels[order[i]] == wanted ? more_positives : more_negatives);
    result.roc += more_negatives * (positives + more_positives / 2);
    positives += more_positives;
    negatives += more_negatives;
    result.average_precision += more_positives * positives / (positives + negatives);
  }
  result.roc /= all * others;
  result.average_precision /= all;
  return result;
}

}  // namespace

template <class T>
void check_labels_of(std::string_view where, std::span<const std::int32_t> labels,
                     ConstView<T> probabilities) {
  if (std::ssize(labels) != probabilities.rows)
    throw ArgumentError(formatted("{}: {} labels for probabilities of {} samples", where,
                                  labels.size(), probabilities.rows));
  for (std::size_t s = 0; s < labels.size(); ++s)
    if (labels[s] < 0 || labels[s] >= probabilities.cols)
      throw ArgumentError(formatted("{}: label {} of sample {} is not one of 0 to {}", where,
                                    labels[s], s, probabilities.cols - 1));
}

template <class T>
ProbabilityFigures<T>::ProbabilityFigures(std::string_view where, index_t samples, index_t classes,
                                          index_t top_k, RankMetrics ranks)
    : classes_(classes), top_k_(std::min(top_k, classes)), ranks_(ranks == RankMetrics::computed) {
  if (top_k < 1)
    throw ArgumentError(formatted("{}: top_k is {}; it must be at least 1", where, top_k));
  if (!ranks_) return;
  labels_.reserve(static_cast<std::size_t>(samples));
  scores_.resize(static_cast<std::size_t>(classes));
  for (std::vector<T>& scores : scores_) scores.reserve(static_cast<std::size_t>(samples));
}

template <class T>
void ProbabilityFigures<T>::add(std::span<const std::int32_t> labels, ConstView<T> probabilities) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto s = static_cast<index_t>(i);
    const index_t label = labels[i];
    const T own = probabilities(s, label);
    index_t better = 0, best = 0;
    for (index_t c = 0; c < classes_; ++c) {
      const T p = probabilities(s, c);
      const double error = static_cast<double>(p) - (c == label ? 1 : 0);
      squares_ += error * error;
      if (p > probabilities(s, best)) best = c;
      if (p > own || (p == own && c < label)) ++better;
      if (ranks_) scores_[static_cast<std::size_t>(c)].push_back(p);
    }
    if (better < top_k_ && !std::isnan(own)) ++in_top_k_;
    // Bins are open on the left and closed on the right, as in the paper.
    const auto confidence = static_cast<double>(probabilities(s, best));
    const double place = std::ceil(confidence * static_cast<double>(kBins)) - 1;
    Bin& bin = bins_[place > 0 ? std::min(static_cast<std::size_t>(place), kBins - 1) : 0];
    ++bin.samples;
    bin.correct += best == label ? 1 : 0;
    bin.confidence += confidence;
  }
  samples_ += std::ssize(labels);
  if (ranks_) labels_.insert(labels_.end(), labels.begin(), labels.end());
}

template <class T>
ProbabilityMetrics ProbabilityFigures<T>::result() {
  ProbabilityMetrics metrics;
  metrics.top_k = top_k_;
  if (samples_ == 0) return metrics;
  const auto n = static_cast<double>(samples_);
  metrics.brier_score = squares_ / n / (classes_ == 2 ? 2 : 1);
  metrics.top_k_accuracy = static_cast<double>(in_top_k_) / n;
  for (const Bin& bin : bins_)
    metrics.expected_calibration_error +=
        std::abs(static_cast<double>(bin.correct) - bin.confidence) / n;
  if (ranks_) rank(metrics);
  return metrics;
}

template <class T>
void ProbabilityFigures<T>::rank(ProbabilityMetrics& metrics) {
  for (const std::vector<T>& scores : scores_)
    if (std::ranges::any_of(scores, [](T p) { return std::isnan(p); })) return;  // have no order
  std::vector<std::uint32_t> order(labels_.size());
  Areas sum;
  int found = 0;
  for (index_t c = classes_ == 2 ? 1 : 0; c < classes_; ++c) {
    const std::span<const T> scores = scores_[static_cast<std::size_t>(c)];
    const auto own = areas(scores, std::span<const std::int32_t>(labels_),
                           static_cast<std::int32_t>(c), std::span<std::uint32_t>(order));
    if (!own) continue;
    ++found;
    sum.roc += own->roc;
    sum.average_precision += own->average_precision;
  }
  if (found == 0) return;
  metrics.roc_auc = sum.roc / found;
  metrics.average_precision = sum.average_precision / found;
}

template void check_labels_of(std::string_view, std::span<const std::int32_t>, ConstView<float>);
template void check_labels_of(std::string_view, std::span<const std::int32_t>, ConstView<double>);
template class ProbabilityFigures<float>;
template class ProbabilityFigures<double>;

}  // namespace detail

using namespace detail;

template <class T>
ProbabilityMetrics probability_metrics(std::span<const std::int32_t> labels,
                                       ConstView<T> probabilities, index_t top_k,
                                       RankMetrics ranks) {
  constexpr std::string_view where = "probability_metrics";
  check_labels_of(where, labels, probabilities);
  if (probabilities.rows > std::numeric_limits<std::int32_t>::max())
    throw ArgumentError(formatted("{}: {} samples; at most {} can be addressed", where,
                                  probabilities.rows, std::numeric_limits<std::int32_t>::max()));
  ProbabilityFigures<T> figures(where, probabilities.rows, probabilities.cols, top_k, ranks);
  figures.add(labels, probabilities);
  return figures.result();
}

template ProbabilityMetrics probability_metrics(std::span<const std::int32_t>, ConstView<float>,
                                                index_t, RankMetrics);
template ProbabilityMetrics probability_metrics(std::span<const std::int32_t>, ConstView<double>,
                                                index_t, RankMetrics);

}  // namespace lamella
