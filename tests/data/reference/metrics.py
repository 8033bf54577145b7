#!/usr/bin/env python3
"""scikit-learn's figures of some predictions, as the C++ header metrics.h.

  python3 metrics.py > metrics.h      with scikit-learn as bench/peers installs it

Probabilities are multiples of 1/32, so that many are equal, and exact in float.
"""
import warnings

import numpy as np
from sklearn import metrics


def calibration_error(labels, probabilities, bins=15):
    """Guo et al. (2017), equation 3: bins are ]i/15, (i+1)/15] of the largest probability."""
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    error = 0
    for i in range(bins):
        inside = (confidence > i / bins) & (confidence <= (i + 1) / bins)
        if inside.any():
            error += inside.sum() * abs((predicted == labels)[inside].mean() - confidence[inside].mean())
    return error / len(labels)


def figures(labels, probabilities, top_k):
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    one_hot = np.eye(classes)[labels]
    known = sorted(set(labels))
    if classes == 2:
        roc = metrics.roc_auc_score(labels, probabilities[:, 1])
        precision = metrics.average_precision_score(labels, probabilities[:, 1])
        brier = metrics.brier_score_loss(labels, probabilities[:, 1])
    else:
        roc = np.mean([metrics.roc_auc_score(one_hot[:, c], probabilities[:, c]) for c in known])
        precision = np.mean([metrics.average_precision_score(one_hot[:, c], probabilities[:, c]) for c in known])
        brier = np.mean(((probabilities - one_hot) ** 2).sum(axis=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are predicted and do not occur
        balanced = metrics.balanced_accuracy_score(labels, predicted)
        macro = metrics.precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    # Of equal probabilities the lower class comes first; scikit-learn takes the higher one, so it is given classes
    # in the other order.
    top = metrics.top_k_accuracy_score(classes - 1 - labels, probabilities[:, ::-1], k=top_k,
                                       labels=range(classes)) if classes > 2 else 1.0
    return {"balanced_accuracy": balanced, "macro_precision": macro[0], "macro_recall": macro[1],
            "macro_f1": macro[2], "brier_score": brier, "calibration_error": calibration_error(labels, probabilities),
            "top_k_accuracy": top, "roc_auc": roc, "average_precision": precision}


def random_case(seed, samples, classes, absent):
    """Labels, none of them `absent`, and probabilities that lean towards them."""
    random = np.random.default_rng(seed)
    labels = random.choice([c for c in range(classes) if c != absent], samples)
    counts = np.zeros((samples, classes))
    for s in range(samples):
        weight = np.full(classes, 1.0)
        weight[labels[s]] += 1.5
        counts[s] = random.multinomial(32, random.dirichlet(weight))
    return labels, counts / 32


def cpp_list(values):
    return "{" + ", ".join(repr(float(v)) if isinstance(v, float) else str(v) for v in values) + "}"


CASES = [("two classes", random_case(1, 50, 2, None), 1),
         ("four classes", random_case(2, 60, 4, None), 2),
         ("five classes, of which one has no samples", random_case(3, 40, 5, 3), 3)]

print("""// Made by metrics.py with scikit-learn. Do not edit.
#ifndef LAMELLA_TESTS_DATA_REFERENCE_METRICS_H_
#define LAMELLA_TESTS_DATA_REFERENCE_METRICS_H_

#include <cstdint>
#include <vector>

namespace lamella::test {

struct MetricsReference {
  const char* name;
  int classes;
  int top_k;
  std::vector<std::int32_t> labels;
  std::vector<int> probabilities;  // in 32nds, row by row
  double balanced_accuracy, macro_precision, macro_recall, macro_f1, brier_score, calibration_error,
      top_k_accuracy, roc_auc, average_precision;
};

inline const std::vector<MetricsReference> kMetricsReferences = {""")
for name, (labels, probabilities), top_k in CASES:
    values = figures(labels, probabilities, top_k)
    print(f'''    {{"{name}",
     {probabilities.shape[1]},
     {top_k},
     {cpp_list(labels)},
     {cpp_list((probabilities * 32).astype(int).ravel())},
     {", ".join(repr(float(v)) for v in values.values())}}},''')
print("""};

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_DATA_REFERENCE_METRICS_H_""")
