// What is wrong, or looks wrong, with data that a classifier is to be trained on.
//
// Not here: malformed files (readers.h). A training loop (trainer.h) takes any data that fit its
// network; programs that train on data of unknown origin should ask here first.
#ifndef LAMELLA_DATA_CHECKS_H_
#define LAMELLA_DATA_CHECKS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/dataset.h>
#include <lamella/export.h>

namespace lamella {

/// How sure it is that what looks wrong is wrong.
enum class Suspicion : std::uint8_t { possible, likely };

struct DataWarning {
  std::string text;  ///< one sentence, which begins with the source
  Suspicion suspicion = Suspicion::likely;
};

/// Throws DataError, opened by `source`, if nothing can be learnt from labelled training data: all
/// samples are of one class, or the labels are a continuous quantity (numbers with fractions, of
/// which few samples share one).
LAMELLA_API void require_learnable(std::string_view source, const Dataset& training_data);

/// What looks wrong with `training_data` but may be right: a feature that counts the samples, as an
/// index does; features that do not vary; about as many classes as samples; classes without a
/// sample. `test_data` may be null. O(samples * features).
LAMELLA_API std::vector<DataWarning> data_warnings(std::string_view source,
                                                   const Dataset& training_data,
                                                   const Dataset* test_data = nullptr);

}  // namespace lamella

#endif  // LAMELLA_DATA_CHECKS_H_
