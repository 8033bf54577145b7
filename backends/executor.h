// How drivers run work on threads: the interface that the openmp, tbb and serial executors have.
//
// An executor knows threads and nothing about arithmetic. Not here: how work is cut into bodies
// (driver/), and when threads are worth using (threading/).
#ifndef LAMELLA_BACKENDS_EXECUTOR_H_
#define LAMELLA_BACKENDS_EXECUTOR_H_

#include <limits>
#include <memory>

namespace lamella::backends {

/// A non-owning reference to a callable `void(int worker)`. The callable must not throw.
class WorkerBody {
 public:
  template <class F>
  WorkerBody(const F& f)  // NOLINT: implicit by intent, so that a lambda can be passed
      : object_(&f),
        call_([](const void* object, int worker) { (*static_cast<const F*>(object))(worker); }) {}
  void operator()(int worker) const { call_(object_, worker); }

 private:
  const void* object_;
  void (*call_)(const void*, int);
};

/// Runs bodies of work on threads. May be used by several threads at once.
class Executor {
 public:
  virtual ~Executor() = default;

  /// The largest number of workers worth asking for. 1 where run() uses the calling thread alone:
  /// inside a parallel region of the same thread library, in a child of fork() that has lost its
  /// threads, and while the process ends.
  virtual int concurrency() const noexcept = 0;

  /// Whether this process is a child of fork() that may not use threads, because those of its
  /// parent are not in it. concurrency() is 1 then, and run() touches no thread library.
  virtual bool has_lost_threads() const noexcept { return false; }

  /// Calls body(0) ... body(workers - 1), each once, on up to `workers` threads, and returns when
  /// all calls have returned. Two bodies need not run at the same time, so a body must not wait for
  /// another one that may not have started. Bodies find the floating-point settings of the caller
  /// (core/platform/floating_point.h).
  virtual void run(int workers, WorkerBody body) const noexcept = 0;

  /// Into how many parts a driver may cut the work of each worker. It is more than 1 where a worker
  /// that has finished takes over parts of others (team.h), which evens out cores of unequal speed.
  virtual int parts_per_worker() const noexcept { return 1; }

  /// What it costs to wake workers, relative to a parallel region.
  virtual double start_cost() const noexcept { return 1; }
};

/// Runs every body on the calling thread, one after the other.
class SerialExecutor final : public Executor {
 public:
  int concurrency() const noexcept override { return 1; }
  void run(int workers, WorkerBody body) const noexcept override {
    for (int worker = 0; worker < workers; ++worker) body(worker);
  }
};

std::unique_ptr<Executor> make_serial_executor();

/// Executors with at most `threads` threads, the calling one included; they start none before the
/// first run. Each exists only in builds with its library.
std::unique_ptr<Executor> make_openmp_executor(int threads);
std::unique_ptr<Executor> make_tbb_executor(int threads);

/// Executor::has_lost_threads() of any executor of this process.
bool openmp_threads_are_lost() noexcept;
bool tbb_threads_are_lost() noexcept;

/// How many threads a thread library allows this process by its own settings, and which these are.
struct LibraryThreads {
  int usual = std::numeric_limits<int>::max();  ///< for who asks for no number of threads
  const char* usual_set_by = "";
  int most = std::numeric_limits<int>::max();  ///< for everybody
  const char* most_set_by = "";
};
LibraryThreads openmp_library_threads();
LibraryThreads tbb_library_threads();

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_EXECUTOR_H_
