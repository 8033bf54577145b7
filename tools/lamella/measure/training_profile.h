// Where the time of a training went: the kernels of a profile beside the peaks of the machine.
//
// Not here: how calls are timed (lamella/profile.h) and peaks measured (bench/roofline/peak.h).
#ifndef LAMELLA_TOOLS_LAMELLA_MEASURE_TRAINING_PROFILE_H_
#define LAMELLA_TOOLS_LAMELLA_MEASURE_TRAINING_PROFILE_H_

#include <string>
#include <vector>

#include <lamella/profile.h>

#include "tools/lamella/io/json.h"

namespace lamella::cli {

/// A kind of call, and the least time that the machine would need for it.
struct ProfileRow {
  ProfileEntry calls;
  std::string peak_of;    ///< "fma avx2", "copy avx2", ...: the peak that takes more time
  bool by_bytes = false;  ///< whether that is bytes per second, not flops
  double peak = 0;        ///< bytes or flops per second; 0: it has no work to set against one
  double ratio = 0;       ///< time at the peak over time taken

  double seconds_per_call() const { return calls.seconds / static_cast<double>(calls.calls); }
};

struct TrainingProfile {
  BackendInfo backend;
  double seconds = 0;            ///< of training, by the wall clock
  double outside = 0;            ///< of that, outside of kernels
  std::vector<ProfileRow> rows;  ///< most time first
};

/// What `backend` has recorded during `seconds` of training. Measures peaks, for which it takes
/// some 10 ms a row.
TrainingProfile training_profile(const ProfiledBackend& backend, double seconds);

std::string profile_text(const TrainingProfile& profile);
Json profile_json(const TrainingProfile& profile);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_MEASURE_TRAINING_PROFILE_H_
