// The quality of predictions: accuracy, log-loss, confusion matrix, per-class precision, recall,
// F1.
#ifndef LAMELLA_METRICS_H_
#define LAMELLA_METRICS_H_

#include <cstdint>
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

/// Results over a labelled data set.
struct Evaluation {
  index_t samples = 0;
  double accuracy = 0;
  double log_loss = 0;  ///< mean negative log-likelihood, natural logarithm
  std::vector<std::vector<index_t>> confusion_matrix;  ///< [true class][predicted class]
  std::vector<ClassMetrics> per_class;
};

/// The confusion matrix, and accuracy and per_class, which follow from it; log_loss stays 0.
/// O(samples + classes²).
/// Throws ArgumentError for a label or prediction outside [0, classes), sizes that differ, or more
/// than 16384 classes (2 GiB of matrix).
LAMELLA_API Evaluation classification_metrics(std::span<const std::int32_t> labels,
                                              std::span<const std::int32_t> predictions,
                                              index_t classes);

/// Evaluates `network` on all of `data`, preprocessed. Throws ArgumentError if the data do not fit
/// the network or have no labels. Memory beyond the result is that of a chunk of samples.
template <class T>
LAMELLA_API Evaluation evaluate(const Network<T>& network, const Dataset& data,
                                const Preprocessing& preprocessing);

}  // namespace lamella

#endif  // LAMELLA_METRICS_H_
