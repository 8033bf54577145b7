// The quality of predictions: figures of the predicted classes, and of the probabilities.
//
// Definitions are those of scikit-learn's functions of the same names, unless a member says more.
#ifndef LAMELLA_METRICS_H_
#define LAMELLA_METRICS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <lamella/dataset.h>
#include <lamella/export.h>
#include <lamella/network.h>

namespace lamella {

/// Precision, recall and F1 of one class; 0 where the ratio is 0/0 (as scikit-learn reports it).
struct ClassMetrics {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  index_t support = 0;  ///< samples whose label is this class
};

/// Figures of probabilities, n samples of C classes, where p_ic is the probability of class c for
/// sample i and y_i its label.
struct ProbabilityMetrics {
  /// Mean squared error of the probabilities (Brier, 1950): (1/n) Σ_i Σ_c (p_ic - [y_i = c])², of
  /// two classes half of that, so that it is (1/n) Σ_i (p_i1 - y_i)².
  double brier_score = 0;
  /// Σ_b n_b / n |accuracy_b - confidence_b| over 15 bins of equal width of the largest
  /// probability (Guo et al., "On calibration of modern neural networks", ICML 2017).
  double expected_calibration_error = 0;
  index_t top_k = 0;  ///< k of top_k_accuracy
  /// Fraction of samples whose label is among the k most probable classes; of classes with equal
  /// probabilities the lower ones come first, as they do for predictions.
  double top_k_accuracy = 0;
  /// Area under the receiver operating characteristic, and average precision (the area under the
  /// curve of precision and recall, as a sum without interpolation). Of two classes: of class 1.
  /// Of more: the mean over all classes c that have both samples and others, each as "c or not".
  /// Nothing if there is no such class, if a probability is NaN, or if ranks were not asked for.
  std::optional<double> roc_auc;
  std::optional<double> average_precision;
};

/// Results over a labelled data set.
struct Evaluation {
  index_t samples = 0;
  double accuracy = 0;
  double balanced_accuracy = 0;  ///< mean recall of the classes that have samples
  double log_loss = 0;           ///< mean negative log-likelihood, natural logarithm
  /// Means over the classes that have samples or predictions.
  double macro_precision = 0;
  double macro_recall = 0;
  double macro_f1 = 0;
  std::vector<std::vector<index_t>> confusion_matrix;  ///< [true class][predicted class]
  std::vector<ClassMetrics> per_class;
  ProbabilityMetrics probabilities;
};

/// Whether areas under curves are wanted. They need the ranks of all probabilities, and so samples
/// x classes numbers of memory; everything else needs a chunk of samples.
enum class RankMetrics : std::uint8_t { computed, left_out };

/// The confusion matrix, and what follows from it: accuracies, macro averages and per_class;
/// log_loss and probabilities stay 0. O(samples + classes²).
/// Throws ArgumentError for a label or prediction outside [0, classes), sizes that differ, or more
/// than 16384 classes (2 GiB of matrix).
LAMELLA_API Evaluation classification_metrics(std::span<const std::int32_t> labels,
                                              std::span<const std::int32_t> predictions,
                                              index_t classes);

/// The figures of probabilities [samples, classes], whose rows sum to 1. top_k is lowered to the
/// number of classes. O(samples log(samples) classes) with ranks, else O(samples classes).
/// Throws ArgumentError for a label outside [0, classes), sizes that differ, or top_k below 1.
template <class T>
LAMELLA_API ProbabilityMetrics probability_metrics(std::span<const std::int32_t> labels,
                                                   ConstView<T> probabilities, index_t top_k = 5,
                                                   RankMetrics ranks = RankMetrics::computed);

/// Evaluates `network` on all of `data`, preprocessed. Throws ArgumentError if the data do not fit
/// the network or have no labels, or top_k is below 1. With RankMetrics::left_out, memory beyond
/// the result is that of a chunk of samples.
template <class T>
LAMELLA_API Evaluation evaluate(const Network<T>& network, const Dataset& data,
                                const Preprocessing& preprocessing, index_t top_k = 5,
                                RankMetrics ranks = RankMetrics::computed);

}  // namespace lamella

#endif  // LAMELLA_METRICS_H_
