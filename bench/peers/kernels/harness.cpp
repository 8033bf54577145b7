// Measures lamella and one peer in paired rounds. Prints a JSON line with the peer and the
// settings, then one for each case as soon as it is done, so that a crash loses only the cases
// after it.
//
// A round reads the peak, then times a sample of each contender, each after a warm-up on the
// operands it is timed with. The order changes from round to round. Reported are medians over
// rounds, of times and of ratios within a round, so that a drift of the clock cancels.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <regex>
#include <stdexcept>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <lamella/backend_selection.h>

#include "bench/peers/kernels/cases.h"
#include "bench/roofline/machine.h"

namespace {

using namespace lamella;
using namespace lamella::peers;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Options {
  PeerOptions peer;
  std::string backend;
  int rounds = 15;
  double sample_ms = 20;
  std::string filter;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double process_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Waits until no thread of this process works. Thread pools spin for a while after their last
/// task (up to 200 ms by default), and would take processors from the contender timed next. The
/// time of a thread that makes no system call is counted at the ticks of the clock, up to 10 ms
/// apart.
void settle() {
  constexpr std::chrono::milliseconds kNap{25};
  const auto start = Clock::now();
  while (seconds_since(start) < 1.0) {
    const double before = process_seconds();
    std::this_thread::sleep_for(kNap);
    if (process_seconds() - before < 0.1e-3) return;
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

double time_of(const Call& call, long calls) {
  const auto start = Clock::now();
  for (long i = 0; i < calls; ++i) call();
  return seconds_since(start);
}

/// Threads that wake up may share a processor. Two that spin for each other stay there for some 10
/// ms until the system moves one of them.
void warm_up(const Call& call) {
  const auto start = Clock::now();
  do {
    call();
  } while (seconds_since(start) < 20e-3);
}

struct Contender {
  std::string name;
  Call call;
  long calls = 1;               // in a sample
  std::vector<double> seconds;  // of one call, in each round

  /// Finds how many calls make a sample; is a warm-up besides.
  void calibrate(double sample_seconds) {
    call();
    for (;; calls *= 2) {
      const double seconds_now = time_of(call, calls);
      if (seconds_now < sample_seconds / 8) continue;
      const double fitting = static_cast<double>(calls) * sample_seconds / seconds_now;
      calls = std::max(1L, static_cast<long>(fitting * 1.1) + 1);
      return;
    }
  }
};

/// Median over the rounds of how many times as fast `ours` was as `theirs`.
double ratio(const Contender& ours, const Contender& theirs) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.seconds.size(); ++i)
    ratios.push_back(theirs.seconds[i] / ours.seconds[i]);
  return median(ratios);
}

/// Median over the rounds whose peak could be read without other work on the processors. Where
/// these are fewer than three, the median speed against the best reading: a busy machine must not
/// make anything look better.
double percent_of_peak(const Contender& contender, double work,
                       const std::vector<bench::PeakReading>& peaks) {
  std::vector<double> ratios;
  double best = 0;
  for (std::size_t i = 0; i < peaks.size(); ++i) {
    best = std::max(best, peaks[i].per_second);
    if (peaks[i].undisturbed) ratios.push_back(work / contender.seconds[i] / peaks[i].per_second);
  }
  if (ratios.size() >= std::min<std::size_t>(3, peaks.size())) return 100 * median(ratios);
  return 100 * work / median(contender.seconds) / best;
}

json measure(const Case& one, const Backend& backend, Peer& peer, const Options& options) {
  const Trial trial = one.make(backend, peer);
  json result{{"case", one.name},
              {"peak", bench::name_of(trial.peak)},
              {"unit", bench::counts_flops(trial.peak) ? "GFLOP/s" : "GB/s"}};
  if (!trial.peer) return result;  // nothing to compare with

  const double disagreement = trial.disagreement();
  if (!(disagreement <= 1)) {
    result["error"] = "lamella and the peer disagree by " + std::to_string(disagreement) +
                      " times what rounding explains";
    return result;
  }

  std::vector<Contender> contenders;
  contenders.push_back({"row_major", trial.row_major, 1, {}});
  contenders.push_back({"peer", trial.peer, 1, {}});
  if (trial.col_major) contenders.push_back({"col_major", trial.col_major, 1, {}});
  const double sample = options.sample_ms / 1e3;
  for (auto& contender : contenders) {
    settle();
    contender.calibrate(sample);
  }

  bench::PeakMeter meter({trial.peak, bench::peak_loops_for(backend.info().isa),
                          options.peer.threads, static_cast<std::size_t>(trial.footprint)});
  std::vector<bench::PeakReading> peaks;
  for (int round = 0; round < options.rounds; ++round) {
    settle();
    peaks.push_back(meter.measure());
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      auto& contender = contenders[(i + static_cast<std::size_t>(round)) % contenders.size()];
      settle();
      warm_up(contender.call);
      contender.seconds.push_back(time_of(contender.call, contender.calls) /
                                  static_cast<double>(contender.calls));
    }
  }
  std::vector<double> rates;
  for (const auto& peak : peaks) rates.push_back(peak.per_second);
  result["peak_rate"] = median(rates) / 1e9;
  for (const auto& contender : contenders)
    result["contenders"][contender.name] = {
        {"microseconds", 1e6 * median(contender.seconds)},
        {"rate", trial.work / median(contender.seconds) / 1e9},
        {"percent_of_peak", percent_of_peak(contender, trial.work, peaks)}};
  result["ours_over_peer"]["row_major"] = ratio(contenders[0], contenders[1]);
  if (trial.col_major) result["ours_over_peer"]["col_major"] = ratio(contenders[2], contenders[1]);
  return result;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Times lamella's kernels and a peer's in turn; prints JSON lines. See bench/peers/README.");
  app.add_option("--library", options.peer.library, "Shared library of the peer");
  app.add_option("--threads", options.peer.threads, "Threads of both")->check(CLI::Range(1, 4096));
  app.add_option("--backend", options.backend, "lamella's backend (default: simd, or tbb)");
  app.add_option("--rounds", options.rounds, "Paired rounds")->check(CLI::Range(1, 10000));
  app.add_option("--sample-ms", options.sample_ms, "Least milliseconds a sample takes")
      ->check(CLI::Range(0.01, 1e5));
  app.add_option("--filter", options.filter, "Regular expression of the cases to run");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.backend.empty()) options.backend = options.peer.threads == 1 ? "simd" : "tbb";

  const auto backend = make_backend({options.backend, "", options.peer.threads});
  if (backend->info().threads != options.peer.threads)
    throw std::runtime_error("backend " + options.backend + " may use " +
                             std::to_string(backend->info().threads) + " threads here, not " +
                             std::to_string(options.peer.threads) + " (limited by " +
                             backend->info().threads_limited_by + ")");
  const auto peer = open_peer(options.peer);

  const json peer_line{{"version", peer->version()},
                       {"backend", backend->info().name},
                       {"isa", backend->info().isa},
                       {"cpu", bench::cpu_model()}};
  std::cout << peer_line << std::endl;
  const std::regex wanted(options.filter);
  for (const auto& one : all_cases())
    if (std::regex_search(one.name, wanted))
      std::cout << measure(one, *backend, *peer, options) << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
