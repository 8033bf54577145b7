// Executors for tests: they run the drivers' tasks in ways that a thread library seldom does.
#ifndef LAMELLA_TESTS_KERNELS_EXECUTORS_H_
#define LAMELLA_TESTS_KERNELS_EXECUTORS_H_

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "backends/executor.h"

namespace lamella::test {

/// One body after the other on the calling thread, the last first: bodies must not rely on any
/// order. Splits work as that many threads would, at no cost.
class BackwardExecutor final : public backends::Executor {
 public:
  explicit BackwardExecutor(int concurrency) : concurrency_(concurrency) {}
  int concurrency() const noexcept override { return concurrency_; }
  void run(int workers, backends::WorkerBody body) const noexcept override {
    for (int worker = workers - 1; worker >= 0; --worker) body(worker);
  }

 private:
  int concurrency_;
};

/// A thread of its own for every body, all at once.
class ThreadExecutor final : public backends::Executor {
 public:
  explicit ThreadExecutor(int concurrency) : concurrency_(concurrency) {}
  int concurrency() const noexcept override { return concurrency_; }
  void run(int workers, backends::WorkerBody body) const noexcept override {
    std::vector<std::thread> threads;
    for (int worker = 0; worker < workers; ++worker) threads.emplace_back([=] { body(worker); });
    for (std::thread& thread : threads) thread.join();
  }

 private:
  int concurrency_;
};

/// Passes runs on, and keeps the largest number of workers asked for in `*most_workers`.
class RecordingExecutor final : public backends::Executor {
 public:
  RecordingExecutor(std::unique_ptr<Executor> inner, int* most_workers)
      : inner_(std::move(inner)), most_workers_(most_workers) {}
  int concurrency() const noexcept override { return inner_->concurrency(); }
  void run(int workers, backends::WorkerBody body) const noexcept override {
    *most_workers_ = std::max(*most_workers_, workers);
    inner_->run(workers, body);
  }

 private:
  std::unique_ptr<Executor> inner_;
  int* most_workers_;
};

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_KERNELS_EXECUTORS_H_
