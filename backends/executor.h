// How a driver runs work on threads: the one interface that openmp, tbb and serial implement.
//
// Executors know threads and nothing about arithmetic; drivers cut the work.
#ifndef LAMELLA_BACKENDS_EXECUTOR_H_
#define LAMELLA_BACKENDS_EXECUTOR_H_

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

class Executor {
 public:
  virtual ~Executor() = default;

  /// Most workers a run may have. 1 inside somebody's parallel region.
  virtual int concurrency() const noexcept = 0;

  /// Calls body(0) ... body(workers - 1), each once, on up to `workers` threads; returns when all
  /// have. Nothing promises that two bodies run at the same time: a body must not wait for one that
  /// may not have started.
  virtual void run(int workers, WorkerBody body) const noexcept = 0;

  /// How many parts a driver may cut each worker's share of a run into. More than 1 where a worker
  /// that is done takes parts of others, which evens out cores of unequal speed; each member of a
  /// team (team.h) then calls a body of its own, one part after the other.
  virtual int parts_per_worker() const noexcept { return 1; }

  /// What waking workers costs, relative to a parallel region of 2 to 5 us.
  virtual double start_cost() const noexcept { return 1; }
};

/// Every worker's body on the calling thread, one after the other.
class SerialExecutor final : public Executor {
 public:
  int concurrency() const noexcept override { return 1; }
  void run(int workers, WorkerBody body) const noexcept override {
    for (int worker = 0; worker < workers; ++worker) body(worker);
  }
};

std::unique_ptr<Executor> make_serial_executor();
/// Only in builds with OpenMP / oneTBB. Start no thread before the first run.
std::unique_ptr<Executor> make_openmp_executor(int threads);
std::unique_ptr<Executor> make_tbb_executor(int threads);

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_EXECUTOR_H_
