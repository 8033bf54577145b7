// A program that computes where no thread can be had, through one of lamella's interfaces. Ends
// with 0, and prints nothing, if the results are those of one thread.
//
//     starved <cpp|c|cblas> <backend> [bytes]     bytes: of address space left to the computation
//     starved executor <openmp|tbb> <threads>     as many as a larger machine has
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/lamella.h>
#include <lamella/matrix.h>
#ifdef LAMELLA_WITH_CBLAS
#include <lamella/cblas.h>
#endif
#ifdef LAMELLA_WITH_TBB
#include <oneapi/tbb/global_control.h>
#endif

#include "backends/executor.h"

namespace {

using lamella::index_t;

constexpr index_t kSize = 300;  // large enough for two threads

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "starved: %s\n", what);
  std::exit(1);
}

std::vector<float> numbers(std::size_t size) {
  std::vector<float> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<float>(i * 31 % 101) / 101 - 0.5f;
  return values;
}

/// The address space that the process has now, and so much more.
void leave_address_space(std::size_t bytes) {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  if (!(statm >> pages)) fail("/proc/self/statm cannot be read");
  const rlim_t most = pages * 4096 + bytes;
  const rlimit limit{most, most};
  if (setrlimit(RLIMIT_AS, &limit) != 0) fail("setrlimit has failed");
}

struct Product {
  std::vector<float> a = numbers(kSize * kSize), b = numbers(kSize * kSize), c, expected;

  Product() : c(kSize * kSize), expected(kSize * kSize) {
    compute(*lamella::make_backend({.name = "simd"}), expected);
  }
  void compute(const lamella::Backend& backend, std::vector<float>& result) {
    backend.gemm<float>(1, {a.data(), kSize, kSize, kSize, 1}, {b.data(), kSize, kSize, kSize, 1},
                        0, {result.data(), kSize, kSize, kSize, 1});
  }
  void check() const {
    if (std::memcmp(c.data(), expected.data(), c.size() * sizeof(float)) != 0)
      fail("other bits than on one thread");
  }
};

/// The memory that other results than products need is there before it becomes scarce.
std::vector<float> predictions(const char* backend_name, std::size_t bytes, bool is_limited) {
  constexpr std::size_t n = 600, d = 100;
  std::vector<float> x = numbers(n * d), p(n * 3);
  std::vector<std::int32_t> y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<std::int32_t>(i % 3);
  std::ptrdiff_t hidden[] = {200};
  lamella_train_options options;
  lamella_train_options_init(&options, sizeof options);
  options.hidden = hidden;
  options.hidden_layers = 1;
  options.epochs = 1;
  lamella_backend* backend = nullptr;
  lamella_model* model = nullptr;
  if (lamella_backend_create(backend_name, nullptr, 0, &backend) != 0) fail(lamella_last_error());
  if (is_limited) leave_address_space(bytes);
  int code = lamella_train_f32(x.data(), y.data(), n, d, &options, backend, &model);
  if (code == 0) code = lamella_model_predict_f32(model, x.data(), n, p.data());
  // Stacks of threads may have taken what training needs. That is an error which the caller gets.
  if (is_limited && code == LAMELLA_ERROR_MEMORY) std::exit(0);
  if (code != 0) fail(lamella_last_error());
  lamella_model_destroy(model);
  lamella_backend_destroy(backend);
  return p;
}

/// Bodies on `threads` threads, also where oneTBB grants fewer by itself.
int run_executor(const std::string& library, int threads) {
  std::unique_ptr<lamella::backends::Executor> executor;
#ifdef LAMELLA_WITH_OPENMP
  if (library == "openmp") executor = lamella::backends::make_openmp_executor(threads);
#endif
#ifdef LAMELLA_WITH_TBB
  const tbb::global_control granted(tbb::global_control::max_allowed_parallelism,
                                    static_cast<std::size_t>(threads));
  if (library == "tbb") executor = lamella::backends::make_tbb_executor(threads);
#endif
  if (executor == nullptr) return 2;
  for (int call = 0; call < 100; ++call) {
    std::vector<std::atomic<int>> ran(static_cast<std::size_t>(threads));
    executor->run(threads, [&](int worker) {
      for (int spin = 0; spin < 1000; ++spin) ran[static_cast<std::size_t>(worker)] += spin % 2;
    });
    for (const auto& count : ran)
      if (count != 500) fail("a body has not run once");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string interface = argv[1];
  if (interface == "executor") return run_executor(argv[2], argc > 3 ? std::stoi(argv[3]) : 0);
  const bool is_limited = argc > 3;
  const std::size_t bytes = is_limited ? std::strtoull(argv[3], nullptr, 10) : 0;
  if (interface == "c") {
    const std::vector<float> expected = predictions("simd", 0, false);
    if (predictions(argv[2], bytes, is_limited) != expected) fail("other bits than on one thread");
    return 0;
  }
  Product product;
  if (interface == "cpp") {
    const auto backend = lamella::make_backend({.name = argv[2]});
    if (is_limited) leave_address_space(bytes);
    for (int call = 0; call < 20; ++call) product.compute(*backend, product.c);
    product.check();
    return 0;
  }
#ifdef LAMELLA_WITH_CBLAS
  if (interface == "cblas") {
    setenv("LAMELLA_BACKEND", argv[2], 1);
    if (is_limited) leave_address_space(bytes);
    constexpr int n = static_cast<int>(kSize);
    for (int call = 0; call < 20; ++call)
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, product.a.data(), n,
                  product.b.data(), n, 0, product.c.data(), n);
    product.check();
    return 0;
  }
#endif
  return 2;
}
