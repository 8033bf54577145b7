// Starting threads together, and timing what they do.
#include "bench/roofline/pinned_team.h"

#include <time.h>

#include <algorithm>

#include "bench/roofline/machine.h"

namespace lamella::bench {
namespace {

double seconds_of(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

double thread_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

PinnedTeam::PinnedTeam(int size) : size_(size), stamps_(static_cast<std::size_t>(size)) {
  if (size <= 1) return;
  const auto cpus = allowed_cpus();
  const bool enough = cpus.size() >= static_cast<std::size_t>(size);
  for (int worker = 0; worker < size; ++worker)
    threads_.emplace_back(&PinnedTeam::serve, this, worker,
                          enough ? cpus[static_cast<std::size_t>(worker)] : -1);
}

PinnedTeam::~PinnedTeam() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void PinnedTeam::timed(int worker) {
  auto& stamp = stamps_[static_cast<std::size_t>(worker)];
  stamp.start = seconds_of(CLOCK_MONOTONIC);
  const double cpu = thread_seconds();
  (*job_)(worker);
  stamp.cpu = thread_seconds() - cpu;
  stamp.end = seconds_of(CLOCK_MONOTONIC);
}

void PinnedTeam::serve(int worker, int cpu) {
  if (cpu >= 0) pin_this_thread(cpu);
  for (long seen = 0;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
    }
    waiting_.fetch_sub(1);
    while (waiting_.load() > 0) std::this_thread::yield();
    timed(worker);
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) done_.notify_one();
  }
}

TeamRun PinnedTeam::run(const std::function<void(int)>& job) {
  job_ = &job;
  if (size_ <= 1) {
    timed(0);
  } else {
    std::unique_lock lock(mutex_);
    waiting_ = running_ = size_;
    ++round_;
    wake_.notify_all();
    done_.wait(lock, [&] { return running_ == 0; });
  }

  TeamRun result{0, 0, true};
  double start = stamps_.front().start;
  double end = stamps_.front().end;
  for (const auto& stamp : stamps_) {
    start = std::min(start, stamp.start);
    end = std::max(end, stamp.end);
    result.busy_seconds = std::max(result.busy_seconds, stamp.cpu);
    result.undisturbed &= had_its_processor(stamp.cpu, stamp.end - stamp.start);
  }
  result.seconds = end - start;
  return result;
}

}  // namespace lamella::bench
