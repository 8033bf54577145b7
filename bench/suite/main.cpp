// lamella_bench: benchmarks of every usable backend, each set against a peak of its moment.
//
// How to run it and read it: docs/performance/methodology.md.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <benchmark/benchmark.h>

#include <lamella/backend_selection.h>
#include <lamella/error.h>

#include "bench/suite/benchmarks.h"

namespace {

using namespace lamella;
using namespace lamella::bench;

constexpr const char* kDefaultData = "/usr/share/datasets/fashion-mnist";

struct Options {
  std::vector<std::string> backends;
  std::string isa;
  int threads = 0;
  std::string data;
  std::string pin;
};

/// "off", "" (the current processor) or a processor's number.
PinPolicy pin_policy(const std::string& text) {
  PinPolicy policy;
  if (text.empty()) return policy;
  if (text == "off") {
    policy.enabled = false;
    return policy;
  }
  const auto cpus = allowed_cpus();
  for (const int cpu : cpus)
    if (std::to_string(cpu) == text) {
      policy.cpu = cpu;
      return policy;
    }
  throw ArgumentError("--pin=" + text +
                      ": not a processor that this process may use (nor the word off)");
}

/// The directory to train on, or nullopt for synthetic data. Only a directory that was asked for
/// must exist.
std::optional<std::filesystem::path> data_directory(const std::string& asked) {
  const std::filesystem::path path = asked.empty() ? kDefaultData : asked;
  if (std::filesystem::is_directory(path)) return path;
  if (asked.empty()) return std::nullopt;
  throw IoError("--data=" + asked + ": no such directory");
}

/// The backends asked for; else the one LAMELLA_BACKEND names; else all usable ones.
std::vector<std::shared_ptr<const Backend>> backends_to_measure(const Options& options) {
  BackendRequest request{"", options.isa, options.threads};
  std::vector<std::shared_ptr<const Backend>> backends;
  if (!options.backends.empty()) {
    for (const auto& name : options.backends) {
      request.name = name;
      backends.push_back(make_backend(request));
    }
  } else if (std::getenv("LAMELLA_BACKEND") != nullptr) {
    backends.push_back(make_backend(request));
  } else {
    for (const auto& status : list_backends()) {
      if (!status.usable) continue;
      request.name = status.name;
      backends.push_back(make_backend(request));
    }
  }
  return backends;
}

/// The parts of Google Benchmark's arguments that change what is worth doing before it runs.
bool only_lists(const std::vector<std::string>& arguments) {
  for (const auto& argument : arguments)
    if (argument == "--benchmark_list_tests" || argument == "--benchmark_list_tests=true")
      return true;
  return false;
}

void add_machine_to_context(const Options& options,
                            const std::vector<std::shared_ptr<const Backend>>& backends) {
  const auto limit = thread_limit(options.threads);
  const Caches caches = data_caches();
  const auto kib = [](std::size_t bytes) { return std::to_string(bytes / 1024) + " KiB"; };
  benchmark::AddCustomContext("cpu", cpu_model());
  benchmark::AddCustomContext("caches", "L1d " + kib(caches.l1) + ", L2 " + kib(caches.l2) +
                                            " per core, L3 " + kib(caches.l3) + " in all");
  std::string isas;
  for (const auto& isa : list_isas({"", options.isa, options.threads}))
    if (isa.usable) isas += (isas.empty() ? "" : " ") + isa.name + (isa.selected ? "*" : "");
  benchmark::AddCustomContext("isas", isas + " (* selected)");
  benchmark::AddCustomContext("threads",
                              std::to_string(limit.threads) + ", limited by " + limit.limited_by);
  for (const auto& backend : backends) {
    const auto& info = backend->info();
    benchmark::AddCustomContext("backend." + info.name,
                                info.isa + ", threads: " + std::to_string(info.threads));
  }
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Benchmarks of lamella's kernels and training.\n"
      "Every --benchmark_... option of Google Benchmark works as well, for example\n"
      "--benchmark_filter=REGEX, --benchmark_list_tests, --benchmark_repetitions=N,\n"
      "--benchmark_min_time=..., --benchmark_out=FILE.json.\n");
  app.allow_extras();
  app.add_option("--backend", options.backends,
                 "Backends to measure, separated by commas (default: LAMELLA_BACKEND, else all)")
      ->delimiter(',');
  app.add_option("--isa", options.isa, "Cap on the instruction set (default: LAMELLA_ISA)");
  app.add_option("--threads", options.threads, "Cap on the threads (default: LAMELLA_NUM_THREADS)")
      ->check(CLI::Range(1, 4096));
  app.add_option("--data", options.data,
                 std::string("Directory with the four files of Fashion-MNIST (default: ") +
                     kDefaultData + ", else made-up data)");
  app.add_option("--pin", options.pin,
                 "Processor for single-threaded measurements, or off (default: the current one)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  std::vector<std::string> rest = app.remaining();
  const bool listing = only_lists(rest);
  rest.insert(rest.begin(), argv[0]);
  std::vector<char*> pointers;
  for (auto& argument : rest) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;

  const PinPolicy pin = pin_policy(options.pin);
  const auto data = data_directory(options.data);
  const auto backends = backends_to_measure(options);
  const int threads = thread_limit(options.threads).threads;
  if (!listing) {
    add_machine_to_context(options, backends);
    add_peaks_to_context(threads, pin);
  }
  register_peaks(threads, pin);
  for (const auto& backend : backends) {
    const BackendUnderTest subject{backend, peak_loops_for(backend->info().isa), pin};
    register_gemms(subject);
    register_memory_kernels(subject);
    register_network_calls(subject);
    register_training(subject, data);
  }
  const auto matched = benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  if (failed_benchmarks() > 0)
    std::fprintf(stderr, "lamella_bench: %d runs ended in an error\n", failed_benchmarks());
  return matched == 0 || failed_benchmarks() > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lamella_bench: %s\n", error.what());
    return 2;
  }
}
