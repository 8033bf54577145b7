// How single calls fare on a machine that other processes use: busy loops run beside each backend,
// and the median time of a call is compared with the one of `simd`, which has one thread.
//
// Not here: benchmarks of a quiet machine (suite/). Times under load are far from exact; what
// counts is the ratio, which is measured backend by backend within one round.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include <lamella/backend.h>
#include <lamella/backend_selection.h>
#ifdef LAMELLA_WITH_CBLAS
#include <lamella/cblas.h>
#endif
#include <lamella/error.h>
#include <lamella/matrix.h>
#include <lamella/network.h>
#include <lamella/optimizer.h>

namespace lamella::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::vector<std::string> backends;
  std::vector<std::string> cases;
  int busy = 4;
  int calls = 60;
  int rounds = 5;
  int threads = 0;
  double pause = 0;  // milliseconds between two calls
  double limit = 0;  // largest ratio that is a success; 0: any
};

/// Processes that do nothing but use processors, until the end of the scope.
class BusyProcesses {
 public:
  explicit BusyProcesses(int count) {
    const pid_t parent = getpid();
    for (int i = 0; i < count; ++i) {
      const pid_t child = fork();
      if (child == 0) loop(parent);
      if (child > 0) children_.push_back(child);
    }
  }
  ~BusyProcesses() {
    for (const pid_t child : children_) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
  }
  BusyProcesses(const BusyProcesses&) = delete;
  BusyProcesses& operator=(const BusyProcesses&) = delete;

 private:
  [[noreturn]] static void loop(pid_t parent) {
    volatile std::uint64_t sink = 0;
    while (getppid() == parent)  // a parent that has been killed leaves no busy child behind
      for (int i = 0; i < 1'000'000; ++i) sink = sink + 1;
    _exit(0);
  }

  std::vector<pid_t> children_;
};

/// A call to be timed, with operands of its own.
using Call = std::function<void()>;

struct Case {
  const char* name;
  const char* shape;
  std::function<Call(std::shared_ptr<const Backend>)> prepare;
};

std::shared_ptr<Matrix<float>> filled(index_t rows, index_t cols) {
  auto matrix = std::make_shared<Matrix<float>>(rows, cols);
  std::uint32_t state = 1;
  for (float& value : matrix->values()) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / static_cast<float>(1u << 24) - 0.5f;
  }
  return matrix;
}

Case gemm(const char* shape, index_t m, index_t n, index_t k) {
  return {"gemm", shape, [=](const std::shared_ptr<const Backend>& backend) -> Call {
            return [=, a = filled(m, k), b = filled(k, n), c = filled(m, n)] {
              backend->gemm(1.0f, a->view(), b->view(), 0.0f, c->view());
            };
          }};
}

Case gemv() { return {"gemv", "700x700", gemm("", 700, 1, 700).prepare}; }

#ifdef LAMELLA_WITH_CBLAS
/// As gemv, through CBLAS, whose backend is the process's; `simd` stays as it is, to compare with.
Case cblas_gemv() {
  return {"cblas_sgemv", "700x700", [](const std::shared_ptr<const Backend>& backend) -> Call {
            if (backend->info().name == "simd") return gemv().prepare(backend);
            return [=, a = filled(700, 700), x = filled(700, 1), y = filled(700, 1)] {
              cblas_sgemv(CblasRowMajor, CblasNoTrans, 700, 700, 1, a->data(), 700, x->data(), 1, 0,
                          y->data(), 1);
            };
          }};
}
#endif

std::vector<Case> cases() {
  return {
      gemm("128x512x784", 128, 512, 784),
      gemm("96x96x96", 96, 96, 96),
      gemv(),
#ifdef LAMELLA_WITH_CBLAS
      cblas_gemv(),
#endif
      {"softmax", "1024x128",
       [](const std::shared_ptr<const Backend>& backend) -> Call {
         return [=, z = filled(1024, 128), p = filled(1024, 128)] {
           backend->softmax<float>(z->view(), p->view());
         };
       }},
      {"bias_add", "512x1024",
       [](const std::shared_ptr<const Backend>& backend) -> Call {
         return [=, bias = filled(1, 1024), c = filled(512, 1024)] {
           backend->bias_add<float>(row(bias->view(), 0), c->view());
         };
       }},
      {"outer_product", "700x700",
       [](const std::shared_ptr<const Backend>& backend) -> Call {
         return [=, x = filled(1, 700), y = filled(1, 700), a = filled(700, 700)] {
           backend->outer_product<float>(1e-6f, row(x->view(), 0), row(y->view(), 0), a->view());
         };
       }},
      {"sgd_update", "512x784",
       [](const std::shared_ptr<const Backend>& backend) -> Call {
         return [=, gradient = filled(512, 784), weights = filled(512, 784)] {
           SgdUpdate<float> update;
           update.learning_rate = 1e-6f;
           update.gradient = gradient->view();
           update.weights = weights->view();
           backend->run(update);
         };
       }},
      {"training_step", "784-128-10 x 64",
       [](const std::shared_ptr<const Backend>& backend) -> Call {
         auto network = std::make_shared<Network<float>>(
             NetworkSpec{.inputs = 784, .hidden = {128}, .classes = 10}, backend, 1);
         return [=, x = filled(64, 784), labels = std::vector<std::int32_t>(64, 3)] {
           const View<float> input = network->batch_input(64);
           std::copy(x->values().begin(), x->values().end(), input.data);
           network->train_batch(labels, {}, SgdOptions{.learning_rate = 1e-6});
         };
       }},
  };
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The times of so many calls, in microseconds.
std::vector<double> times_of(const Call& call, const Options& options) {
  std::vector<double> times;
  for (int i = 0; i < options.calls; ++i) {
    if (options.pause > 0)
      std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(options.pause));
    const auto start = Clock::now();
    call();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  return times;
}

/// What the rounds of one case on one backend have come to.
struct Result {
  std::vector<double> medians, ratios;  // one a round
  double longest = 0;                   // of all calls
};

/// Whether all backends stay within the limit.
bool measure(const Case& c, const std::vector<std::shared_ptr<const Backend>>& backends,
             const Options& options) {
  std::vector<Call> calls;
  for (const auto& backend : backends) {
    calls.push_back(c.prepare(backend));
    for (int i = 0; i < 3; ++i) calls.back()();
  }
  std::vector<Result> results(backends.size());
  for (int round = 0; round < options.rounds; ++round) {
    double serial = 0;  // of the first backend, simd
    for (std::size_t b = 0; b < backends.size(); ++b) {
      const std::vector<double> times = times_of(calls[b], options);
      const double time = median(times);
      if (b == 0) serial = time;
      results[b].medians.push_back(time);
      results[b].ratios.push_back(time / serial);
      results[b].longest =
          std::max(results[b].longest, *std::max_element(times.begin(), times.end()));
    }
  }
  bool within = true;
  for (std::size_t b = 0; b < backends.size(); ++b) {
    const Result& r = results[b];
    const double ratio = median(r.ratios);
    within = within && (options.limit <= 0 || ratio <= options.limit);
    std::printf(
        "{\"case\": \"%s %s\", \"backend\": \"%s\", \"threads\": %d, \"busy\": %d, "
        "\"median_us\": %.1f, \"serial_us\": %.1f, \"ratio\": %.2f, \"worst_ratio\": %.2f, "
        "\"longest_us\": %.0f}\n",
        c.name, c.shape, backends[b]->info().name.c_str(), backends[b]->info().threads,
        options.busy, median(r.medians), median(results[0].medians), ratio,
        *std::max_element(r.ratios.begin(), r.ratios.end()), r.longest);
    std::fflush(stdout);
  }
  return within;
}

std::vector<std::shared_ptr<const Backend>> backends_to_measure(const Options& options) {
  std::vector<std::string> names = options.backends;
  if (names.empty())
    for (const BackendStatus& status : list_backends())
      if (status.usable && status.name != "scalar" && status.name != "simd")
        names.push_back(status.name);
  names.insert(names.begin(), "simd");
  std::vector<std::shared_ptr<const Backend>> backends;
  for (const std::string& name : names)
    backends.push_back(make_backend({.name = name, .threads = options.threads}));
  return backends;
}

/// CBLAS has one backend, which it takes from the environment at its first call. So its case is one
/// of a single backend, and is left out if there are several and nobody has named it.
void prepare_cblas(std::vector<Case>& chosen,
                   const std::vector<std::shared_ptr<const Backend>>& backends,
                   const Options& options) {
  const auto is_cblas = [](const Case& c) { return std::string(c.name) == "cblas_sgemv"; };
  if (std::none_of(chosen.begin(), chosen.end(), is_cblas)) return;
  if (backends.size() != 2) {
    if (!options.cases.empty())
      throw ArgumentError("cblas_sgemv needs --backend with one backend, for example auto");
    chosen.erase(std::remove_if(chosen.begin(), chosen.end(), is_cblas), chosen.end());
    return;
  }
  setenv("LAMELLA_BACKEND", backends[1]->info().name.c_str(), 1);
  setenv("LAMELLA_NUM_THREADS", std::to_string(backends[1]->info().threads).c_str(), 1);
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Times single calls while other processes use the processors, against `simd`.\n"
      "Prints a line of JSON for each case and backend: the median of a round's calls (the\n"
      "median of all rounds), its ratio to simd's of the same round (the median and the worst\n"
      "of all rounds), and the longest call. Cases: gemm, gemv, cblas_sgemv (of one backend at a\n"
      "time), softmax, bias_add, outer_product, sgd_update, training_step.\n"
      "Whether the default backend is ever slower than three times one thread:\n"
      "    lamella_under_load --backend auto --limit 3\n");
  app.add_option("--backend", options.backends,
                 "Backends or plugins to compare with simd, separated by commas; auto is the\n"
                 "default one (default: all usable ones with vector kernels, and the plugins\n"
                 "found)")
      ->delimiter(',');
  app.add_option("--case", options.cases, "Cases, separated by commas (default: all)")
      ->delimiter(',');
  app.add_option("--busy", options.busy, "Busy processes")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  app.add_option("--calls", options.calls, "Calls in a round")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  app.add_option("--rounds", options.rounds, "Rounds")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--pause-ms", options.pause, "Milliseconds between two calls")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 10000.0));
  app.add_option("--threads", options.threads, "Cap on the threads (default: LAMELLA_NUM_THREADS)")
      ->check(CLI::Range(1, 4096));
  app.add_option("--limit", options.limit,
                 "Exit with 1 if a ratio (median of the rounds) is above this (default: none)");
  CLI11_PARSE(app, argc, argv);

  std::vector<Case> chosen = cases();
  if (!options.cases.empty()) {
    const auto is_wanted = [&](const Case& c) {
      return std::count(options.cases.begin(), options.cases.end(), c.name) > 0;
    };
    for (const std::string& name : options.cases)
      if (std::none_of(chosen.begin(), chosen.end(), [&](const Case& c) { return name == c.name; }))
        throw ArgumentError("there is no case \"" + name + "\"; --help lists them");
    chosen.erase(
        std::remove_if(chosen.begin(), chosen.end(), [&](const Case& c) { return !is_wanted(c); }),
        chosen.end());
  }
  const auto backends = backends_to_measure(options);
  prepare_cblas(chosen, backends, options);
  const BusyProcesses busy(options.busy);
  bool within = true;
  for (const Case& c : chosen) within = measure(c, backends, options) && within;
  return within ? 0 : 1;
}

}  // namespace
}  // namespace lamella::bench

int main(int argc, char** argv) {
  try {
    return lamella::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lamella_under_load: %s\n", error.what());
    return 2;
  }
}
