// The soak: random operations in two threads for as long as wanted. A finding, or a report of a
// sanitizer, ends it with an error and the seed.
//
//   lamella_soak [--seconds N] [--seed N] [--only NUMBER] [PLUGIN.so ...]
//
// Operation NUMBER of a seed does the same each time; --only repeats it alone. The last line says
// in JSON what was done.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "tests/scratch_directory.h"
#include "tests/soak/operations.h"

namespace lamella::soak {

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = [] {
    std::vector<Operation> list;
    for (const auto& part :
         {backend_operations(), network_operations(), file_operations(), c_api_operations()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return all;
}

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  long seconds = 10;
  unsigned long seed = 1;
  long only = -1;
  std::vector<std::string> plugins;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const auto number = [&](auto& value) {
      char* end = nullptr;
      if (++i >= argc) return false;
      value =
          static_cast<std::remove_reference_t<decltype(value)>>(std::strtoll(argv[i], &end, 10));
      return end != argv[i] && *end == '\0';
    };
    const std::string argument = argv[i];
    if (argument == "--seconds" ? !number(options.seconds)
        : argument == "--seed"  ? !number(options.seed)
        : argument == "--only"  ? !number(options.only)
                                : argument.starts_with("-"))
      return false;
    if (!argument.starts_with("-")) options.plugins.push_back(argument);
  }
  return true;
}

class Soak {
 public:
  explicit Soak(Options options) : options_(std::move(options)), start_(Clock::now()) {}

  int run() {
    if (options_.only >= 0) {
      run_operation(options_.only);
    } else {
      std::vector<std::jthread> workers;
      for (int worker = 0; worker < 2; ++worker)
        workers.emplace_back([this] {
          while (findings_ == 0 && elapsed() < static_cast<double>(options_.seconds))
            run_operation(next_++);
        });
    }
    print_summary();
    return findings_ == 0 && done_ > 0 ? 0 : 1;
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  void run_operation(long number) {
    // seed_seq spreads: consecutive numbers give unrelated operations.
    std::seed_seq seeds{static_cast<std::uint32_t>(options_.seed),
                        static_cast<std::uint32_t>(number)};
    const test::ScratchDirectory scratch;
    Context context{Random(seeds), scratch.path(), options_.plugins};
    const Operation& operation = pick(context.random, operations());
    std::string problem;
    try {
      operation.run(context);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    const std::lock_guard lock(mutex_);
    ++counts_[operation.name];
    ++done_;
    if (!problem.empty()) {
      ++findings_;
      std::fprintf(stderr, "finding: seed %lu, operation %ld (%s): %s\n", options_.seed, number,
                   operation.name, problem.c_str());
    }
    const double now = elapsed();
    if (now < next_line_) return;
    next_line_ = now + 10;
    std::fprintf(stderr, "%.0f s: %ld operations, %d findings\n", now, done_, findings_.load());
  }

  void print_summary() const {
    std::printf("{\"seed\": %lu, \"seconds\": %.0f, \"operations\": {", options_.seed, elapsed());
    const char* comma = "";
    for (const auto& [name, count] : counts_) {
      std::printf("%s\"%s\": %ld", comma, name.c_str(), count);
      comma = ", ";
    }
    std::printf("}, \"total\": %ld, \"findings\": %d}\n", done_, findings_.load());
  }

  const Options options_;
  const Clock::time_point start_;
  std::atomic<long> next_ = 0;
  std::atomic<int> findings_ = 0;
  std::mutex mutex_;
  std::map<std::string, long> counts_;
  long done_ = 0;
  double next_line_ = 10;
};

}  // namespace
}  // namespace lamella::soak

int main(int argc, char** argv) {
  lamella::soak::Options options;
  if (!lamella::soak::parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: lamella_soak [--seconds N] [--seed N] [--only NUMBER] [PLUGIN.so ...]\n");
    return 2;
  }
  return lamella::soak::Soak(std::move(options)).run();
}
