// The shapes and operations on which lamella and a peer are compared, with their operands.
#ifndef LAMELLA_BENCH_PEERS_KERNELS_CASES_H_
#define LAMELLA_BENCH_PEERS_KERNELS_CASES_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "bench/peers/kernels/peer.h"
#include "bench/roofline/peak.h"

namespace lamella::peers {

/// One operation, made by lamella in one or two layouts and by the peer, on operands that live as
/// long as the trial.
struct Trial {
  Call row_major;        ///< lamella, on the row-major, batch-first memory that the peer gets
  Call col_major;        ///< lamella, in the layout its network keeps: samples in columns. Or empty
  Call peer;             ///< empty if the peer has no such operation
  double work = 0;       ///< flops for products; bytes for the rest and for one sample
  double footprint = 0;  ///< bytes of distinct memory
  bench::PeakKind peak = bench::PeakKind::fma_f32;

  /// Makes each call once and returns how far the results are apart, as a multiple of what
  /// rounding explains: above 1, one of them computes something else. Needs `peer`.
  std::function<double()> disagreement;
};

/// A row of the tables.
struct Case {
  std::string name;
  std::function<Trial(const Backend&, Peer&)> make;
};

/// Every case: products as training makes them, squares, one sample, and the memory-bound ones.
std::vector<Case> all_cases();

}  // namespace lamella::peers

#endif  // LAMELLA_BENCH_PEERS_KERNELS_CASES_H_
