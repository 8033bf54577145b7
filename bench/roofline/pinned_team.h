// Threads that start a piece of work together, and say whether they were left undisturbed in it.
//
// Used for peaks only: a peak belongs to the machine, so it must not depend on the threads of a
// backend.
#ifndef LAMELLA_BENCH_ROOFLINE_PINNED_TEAM_H_
#define LAMELLA_BENCH_ROOFLINE_PINNED_TEAM_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lamella::bench {

/// How long a job took, from the common start to the end of the last thread.
struct TeamRun {
  double seconds = 0;
  double busy_seconds = 0;   ///< processor time of the thread that needed most
  bool undisturbed = false;  ///< every thread had its processor for at least 97 % of the time
};

/// Whether a thread that used `busy_seconds` of processor time in `seconds` had it to itself.
constexpr bool had_its_processor(double busy_seconds, double seconds) {
  return busy_seconds >= 0.97 * seconds;
}

/// Processor time of the calling thread. Reading it is a system call, so it only tells whether
/// work was disturbed; speeds come from the wall clock.
double thread_seconds();

/// `size` threads, each pinned to a processor of its own. They sleep between runs, so they cost
/// nothing while a backend is measured. A team of one runs in the calling thread.
class PinnedTeam {
 public:
  /// Throws std::system_error if threads cannot be started.
  explicit PinnedTeam(int size);
  ~PinnedTeam();
  PinnedTeam(const PinnedTeam&) = delete;
  PinnedTeam& operator=(const PinnedTeam&) = delete;

  int size() const { return size_; }

  /// Calls job(0) ... job(size - 1), one on each thread, all started together. `job` must not
  /// throw.
  TeamRun run(const std::function<void(int)>& job);

 private:
  struct Stamp {
    double start = 0, end = 0, cpu = 0;
  };
  void serve(int worker, int cpu);
  void timed(int worker);

  int size_;
  std::vector<Stamp> stamps_;
  const std::function<void(int)>* job_ = nullptr;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  long round_ = 0;
  int running_ = 0;
  bool stop_ = false;
  std::atomic<int> waiting_{0};
  std::vector<std::thread> threads_;
};

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_ROOFLINE_PINNED_TEAM_H_
