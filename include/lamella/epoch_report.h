// What is known of an epoch of training at its end.
#ifndef LAMELLA_EPOCH_REPORT_H_
#define LAMELLA_EPOCH_REPORT_H_

#include <optional>

#include <lamella/view.h>

namespace lamella {

/// Results of one epoch. Training figures are those of each mini-batch before its update: the loss
/// is the mean with the weights and the smoothing of the run, the accuracy counts every sample
/// once. Validation and test figures have neither weights nor smoothing.
struct EpochReport {
  index_t epoch = 0;         ///< from 1
  double learning_rate = 0;  ///< of the last step
  double train_loss = 0;
  double train_accuracy = 0;
  std::optional<double> validation_loss = {};
  std::optional<double> validation_accuracy = {};
  std::optional<double> test_loss = {};
  std::optional<double> test_accuracy = {};
  double seconds = 0;             ///< training alone, without evaluations
  double samples_per_second = 0;  ///< training alone
  /// The best epoch so far, this one included, by TrainOptions::monitor; 0 without validation data.
  index_t best_epoch = 0;
};

}  // namespace lamella

#endif  // LAMELLA_EPOCH_REPORT_H_
