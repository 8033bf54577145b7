// Trains the members of an ensemble at the same time, each in a thread of its own.
#include <algorithm>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <lamella/ensemble.h>
#include <lamella/error.h>

#include "core/base/format.h"
#include "core/network/network_access.h"

namespace lamella {

using namespace detail;

namespace {

// Ends the training of a member when another one has failed. Never leaves this file.
struct Stopped {};

void check(const TrainOptions& options, const EnsembleOptions& ensemble) {
  if (ensemble.members < 1)
    throw ArgumentError(
        formatted("train_ensemble: {} members; at least 1 is needed", ensemble.members));
  if (options.first_epoch > 1)
    throw ArgumentError(
        formatted("train_ensemble: first_epoch is {}; an ensemble is trained from its beginning, 1",
                  options.first_epoch));
  if (std::numeric_limits<std::uint64_t>::max() - options.seed <
      static_cast<std::uint64_t>(ensemble.members - 1))
    throw ArgumentError(formatted("train_ensemble: seed {} and {} members exceed 2^64",
                                  options.seed, ensemble.members));
}

// Serialises the callbacks of members, and keeps the first failure.
class Members {
 public:
  explicit Members(const EnsembleCallbacks& callbacks) : callbacks_(callbacks) {}

  TrainCallbacks callbacks_of(index_t member) {
    TrainCallbacks own;
    own.on_progress = [this, member](const Progress& progress) {
      call([&] {
        if (callbacks_.on_progress) callbacks_.on_progress(member, progress);
      });
    };
    own.on_epoch = [this, member](const EpochReport& report) {
      call([&] {
        if (callbacks_.on_epoch) callbacks_.on_epoch(member, report);
      });
    };
    return own;
  }

  // Runs `body`; keeps what it throws, unless it was stopped.
  template <class Body>
  void guarded(const Body& body) noexcept {
    try {
      body();
    } catch (const Stopped&) {
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (failure_ == nullptr) failure_ = std::current_exception();
    }
  }

  // After all threads have ended.
  void throw_if_failed() const {
    if (failure_ != nullptr) std::rethrow_exception(failure_);
  }

 private:
  template <class Body>
  void call(const Body& body) {
    const std::lock_guard lock(mutex_);
    if (failure_ != nullptr) throw Stopped{};
    try {
      body();
    } catch (...) {
      failure_ = std::current_exception();
      throw Stopped{};
    }
  }

  const EnsembleCallbacks& callbacks_;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

template <class T>
TrainedEnsemble<T> train_ensemble(const NetworkSpec& spec, const BackendRequest& request,
                                  const Dataset& training_data, const Dataset* test_data,
                                  const Preprocessing& preprocessing, const TrainOptions& options,
                                  const EnsembleOptions& ensemble,
                                  const EnsembleCallbacks& callbacks) {
  check(options, ensemble);
  const std::shared_ptr<const Backend> backend = make_backend(request);
  const index_t threads = std::max(backend->info().threads, 1);
  std::vector<Network<T>> results;
  for (index_t m = 0; m < ensemble.members; ++m)
    results.push_back(Network<T>::zeros(spec, backend));
  std::vector<std::vector<EpochReport>> reports(results.size());

  Members members(callbacks);
  const auto train_member = [&](index_t m, int own_threads) {
    BackendRequest own_request = request;
    own_request.threads = own_threads;
    const std::shared_ptr<const Backend> own_backend = make_backend(own_request);
    TrainOptions own_options = options;
    own_options.seed += static_cast<std::uint64_t>(m);
    Network<T> network(spec, own_backend, own_options.seed, ensemble.initialization);
    std::optional<WeightAverage<T>> average;
    if (ensemble.average) average.emplace(network, own_backend, *ensemble.average);
    const auto member = static_cast<std::size_t>(m);
    reports[member] = train(network, training_data, test_data, preprocessing, own_options,
                            members.callbacks_of(m), average ? &*average : nullptr);
    copy_parameters(average && average->has_begun() ? average->network() : network,
                    results[member]);
  };
  for (index_t first = 0; first < ensemble.members; first += threads) {
    const index_t count = std::min(threads, ensemble.members - first);
    const auto own_threads = static_cast<int>(threads / count);
    members.guarded([&] {
      std::vector<std::jthread> others;  // waited for when this block ends
      index_t here = first + count;      // members from this one on are trained in this thread
      for (index_t m = first + 1; m < here; ++m) {
        try {
          others.emplace_back([&, m] { members.guarded([&] { train_member(m, own_threads); }); });
        } catch (const std::system_error&) {  // no more threads can be had
          here = m;
        }
      }
      train_member(first, own_threads);
      for (index_t m = here; m < first + count; ++m) train_member(m, own_threads);
    });
    members.throw_if_failed();
  }
  return {Ensemble<T>(std::move(results)), std::move(reports)};
}

#define LAMELLA_INSTANTIATE(T)                                                                     \
  template TrainedEnsemble<T> train_ensemble(const NetworkSpec&, const BackendRequest&,            \
                                             const Dataset&, const Dataset*, const Preprocessing&, \
                                             const TrainOptions&, const EnsembleOptions&,          \
                                             const EnsembleCallbacks&);
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)

}  // namespace lamella
