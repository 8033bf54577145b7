// What the benchmarks need to know about the machine: processor, caches, memory, affinity.
//
// Not here: instruction sets and thread limits, which are the library's business
// (backend_selection.h).
#ifndef LAMELLA_BENCH_ROOFLINE_MACHINE_H_
#define LAMELLA_BENCH_ROOFLINE_MACHINE_H_

#include <sched.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lamella::bench {

/// Bytes of each level of data cache; l1 and l2 per core, l3 over all its instances; 0 if unknown.
struct Caches {
  std::size_t l1 = 0;
  std::size_t l2 = 0;
  std::size_t l3 = 0;
};
Caches data_caches();

/// As the operating system names it; "unknown" if it does not.
std::string cpu_model();

/// Bytes that can be allocated now without swapping or breaking the cgroup's limit; 0 if unknown.
std::size_t available_memory();

/// Processors this process may run on.
std::vector<int> allowed_cpus();

/// Confines the calling thread to one processor. False if the system refuses.
bool pin_this_thread(int cpu);

/// Which processor single-threaded measurements are pinned to.
struct PinPolicy {
  bool enabled = true;
  std::optional<int> cpu;  ///< nothing: the one the thread happens to be on
};

/// Pins the calling thread for the lifetime of the object, then gives it back its old mask.
class ScopedPin {
 public:
  explicit ScopedPin(const PinPolicy& policy);
  ~ScopedPin();
  ScopedPin(const ScopedPin&) = delete;
  ScopedPin& operator=(const ScopedPin&) = delete;

 private:
  cpu_set_t before_;
  bool pinned_ = false;
};

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_ROOFLINE_MACHINE_H_
