// How much arithmetic and memory traffic a call makes.
#ifndef LAMELLA_BENCH_WORKLOADS_WORK_H_
#define LAMELLA_BENCH_WORKLOADS_WORK_H_

namespace lamella::bench {

/// What one call of a kernel does.
struct Work {
  double flops = 0;  ///< 0: not reported
  double bytes = 0;  ///< traffic: an operand counts once for each time it must be read or written
  double footprint = 0;  ///< bytes of distinct memory, which decide the cache a peak is taken in
};

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_WORKLOADS_WORK_H_
