// A short text that tells data sets apart: whether a run goes on with the data that it began with.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_FINGERPRINT_H_
#define LAMELLA_TOOLS_LAMELLA_IO_FINGERPRINT_H_

#include <string>

#include "tools/lamella/io/inputs.h"

namespace lamella::cli {

/// Sizes, for people, and a hash of all values, labels and weights, which is no protection against
/// data that were made to collide. O(bytes of the data).
std::string fingerprint(const TrainingData& data);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_FINGERPRINT_H_
