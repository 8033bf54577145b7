// What a training step minimises: cross-entropy with smoothed labels, and weights for classes.
//
// Not here: weights of single samples, which come with the data (dataset.h) or with each step
// (network.h), and the arithmetic, which is a kernel (kernels.h: SoftmaxNll).
#ifndef LAMELLA_LOSS_H_
#define LAMELLA_LOSS_H_

#include <cstdint>
#include <span>
#include <vector>

#include <lamella/export.h>
#include <lamella/view.h>

namespace lamella {

/// The loss of a training step. Evaluation always takes the plain negative log-likelihood.
struct Loss {
  /// ε in [0, 1): the target is (1 - ε) onehot(label) + ε / classes (Szegedy et al., "Rethinking
  /// the inception architecture for computer vision", CVPR 2016, section 7).
  double label_smoothing = 0;

  friend bool operator==(const Loss&, const Loss&) = default;
};

/// Class weights with which each class counts as much as any other: n / (k n_c) for class c, where
/// n_c of the n labels are c and k classes occur (scikit-learn's "balanced"). The weights of the
/// n samples sum to n. A class that does not occur has weight 1. Returns `classes` weights.
/// Throws ArgumentError for a label outside [0, classes) or without labels. O(n + classes).
LAMELLA_API std::vector<double> balanced_class_weights(std::span<const std::int32_t> labels,
                                                       index_t classes);

}  // namespace lamella

#endif  // LAMELLA_LOSS_H_
