// What a backend has learned about its threads, for one element type.
#ifndef LAMELLA_BACKENDS_THREADING_ADAPTIVE_THREADING_H_
#define LAMELLA_BACKENDS_THREADING_ADAPTIVE_THREADING_H_

#include "backends/threading/late_team_backoff.h"
#include "backends/threading/threading_tuner.h"

namespace lamella::backends {

/// May be used by several threads at once.
struct AdaptiveThreading {
  LateTeamBackoff backoff;  ///< after teams whose threads came late
  ThreadingTuner tuner;     ///< of small plans and products, with a team and on one thread
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_ADAPTIVE_THREADING_H_
