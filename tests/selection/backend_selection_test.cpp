// Choosing a backend: precedence, caps, and errors that list what there is.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/matrix.h>
#include <lamella/version.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "tests/captured_stderr.h"
#include "tests/catch.h"
#include "tests/environment_guard.h"
#include "tests/memory_of_process.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

const std::vector<std::string> kBuiltins = {"scalar", "simd", "openmp", "tbb"};

/// The message of the BackendError that `call` must throw.
std::string backend_error(const std::function<void()>& call) {
  try {
    call();
  } catch (const BackendError& error) {
    return error.what();
  }
  FAIL("no BackendError was thrown");
  return {};
}

bool usable(const std::string& name) {
  for (const auto& status : list_backends())
    if (status.name == name) return status.usable;
  return false;
}

TEST_CASE("every built-in backend is listed, compiled or not", "[selection]") {
  const CleanEnvironment clean;
  const auto list = list_backends();
  REQUIRE(list.size() == kBuiltins.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    CAPTURE(list[i].name, list[i].reason);
    CHECK(list[i].name == kBuiltins[i]);
    CHECK_FALSE(list[i].reason.empty());
    bool compiled = true;
#ifndef LAMELLA_WITH_OPENMP
    if (list[i].name == "openmp") compiled = false;
#endif
#ifndef LAMELLA_WITH_TBB
    if (list[i].name == "tbb") compiled = false;
#endif
    CHECK(list[i].compiled == compiled);
    if (!compiled) CHECK_THAT(list[i].reason, ContainsSubstring("-DLAMELLA_WITH_"));
    if (!compiled) CHECK_FALSE(list[i].usable);
  }
}

TEST_CASE("a backend is made by name, by argument or by LAMELLA_BACKEND", "[selection]") {
  const CleanEnvironment clean;
  for (const auto& name : kBuiltins) {
    CAPTURE(name);
    if (!usable(name)) {
      const auto message = backend_error([&] { make_backend({.name = name}); });
      CHECK_THAT(message, ContainsSubstring("not usable") && ContainsSubstring(name + " ("));
      continue;
    }
    CHECK(make_backend({.name = name})->info().name == name);
    const EnvironmentGuard guard("LAMELLA_BACKEND", name.c_str());
    CHECK(make_backend()->info().name == name);
    CHECK(make_backend({.name = "scalar"})->info().name == "scalar");
  }
}

TEST_CASE("auto takes tbb, else openmp, for several threads; simd, else scalar, for one",
          "[selection]") {
  const CleanEnvironment clean;
  const std::string serial = usable("simd") ? "simd" : "scalar";
  const std::string parallel = usable("tbb") ? "tbb" : usable("openmp") ? "openmp" : serial;
  const auto expected = thread_limit().threads > 1 ? parallel : serial;
  CHECK(make_backend()->info().name == expected);
  CHECK(make_backend({.name = "auto"})->info().name == expected);
  CHECK(make_backend({.name = "auto", .threads = 1})->info().name == serial);
  const EnvironmentGuard scalar("LAMELLA_BACKEND", "scalar");
  CHECK(make_backend({.name = "auto"})->info().name == expected);  // the argument goes first
  const EnvironmentGuard automatic("LAMELLA_BACKEND", "auto");
  CHECK(make_backend()->info().name == expected);
  const EnvironmentGuard one("LAMELLA_NUM_THREADS", "1");
  CHECK(make_backend()->info().name == serial);
}

#if defined(__GLIBC__)
TEST_CASE("backends that were made, used and destroyed leave no memory behind", "[selection]") {
  const CleanEnvironment clean;
  if (kMemoryIsSanitized) return;
  // In use of malloc(), and all that is mapped: a backend that leaks takes 7 KiB of the latter.
  const auto used_bytes = [] {
    const auto heap = mallinfo2();
    return static_cast<std::int64_t>(heap.uordblks + heap.hblkhd);
  };
  for (const auto& name : kBuiltins) {
    if (!usable(name)) continue;
    CAPTURE(name);
    const auto make_and_use = [&](int times) {
      Matrix<float> a(160, 160), b(160, 160), c(160, 160);
      for (int time = 0; time < times; ++time) {
        const auto backend = make_backend({.name = name, .threads = 2});
        backend->gemm<float>(1, a.view(), b.view(), 0, c.view());
      }
    };
    make_and_use(20);
    REQUIRE(private_bytes_of_process() > 0);
    const int times = name == "tbb" ? 800 : 200;
    CHECK(least_growth(used_bytes, [&] { make_and_use(times); }) < 64 * 1024);
    CHECK(least_growth(private_bytes_of_process, [&] { make_and_use(times); }) < 1024 * 1024);
  }
}
#endif

TEST_CASE("verbose mode says why auto prefers one backend to another", "[selection]") {
  const CleanEnvironment clean;
  if (thread_limit().threads < 2 || !usable("tbb") || !usable("openmp")) {
    WARN("auto has no choice here");
    return;
  }
  const EnvironmentGuard verbose("LAMELLA_VERBOSE", "1");
  CapturedStderr captured;
  make_backend();
  CHECK_THAT(
      captured.text(),
      ContainsSubstring("backend openmp not chosen: auto prefers tbb, as openmp waits also for "
                        "threads that have no processor"));
}

TEST_CASE("an unknown name is an error that lists the valid ones with reasons", "[selection]") {
  const CleanEnvironment clean;
  for (const char* name : {"nonsense", "Simd", " simd", "simd,scalar", "scalar\n"}) {
    CAPTURE(name);
    const auto by_argument = backend_error([&] { make_backend({.name = name}); });
    CHECK_THAT(by_argument, ContainsSubstring(std::string("\"") + name + "\" (request)"));
    const EnvironmentGuard guard("LAMELLA_BACKEND", name);
    const auto message = backend_error([] { make_backend(); });
    CHECK_THAT(message, ContainsSubstring("(LAMELLA_BACKEND)") && ContainsSubstring("auto"));
    for (const auto& status : list_backends()) {
      CHECK_THAT(message, ContainsSubstring(status.name));
      if (!status.usable) CHECK_THAT(message, ContainsSubstring(status.reason));
    }
  }
}

TEST_CASE("a variable that is set but empty is an error that says so", "[selection]") {
  const CleanEnvironment clean;
  for (const char* variable : {"LAMELLA_BACKEND", "LAMELLA_ISA", "LAMELLA_NUM_THREADS",
                               "LAMELLA_ADAPTIVE_THREADS", "LAMELLA_VERBOSE"}) {
    const EnvironmentGuard guard(variable, "");
    const auto message = backend_error([] { make_backend(); });
    CHECK_THAT(message, ContainsSubstring(std::string(variable) + " is set but empty"));
  }
  const EnvironmentGuard guard("LAMELLA_BACKEND", "");
  CHECK(make_backend({.name = "scalar"})->info().name == "scalar");  // not consulted
}

TEST_CASE("a malformed number of threads is an error for every backend", "[selection]") {
  const CleanEnvironment clean;
  CHECK_THAT(backend_error([] { make_backend({.name = "scalar", .threads = -2}); }),
             ContainsSubstring("-2 threads"));
  const EnvironmentGuard guard("LAMELLA_NUM_THREADS", "many");
  CHECK_THAT(backend_error([] { make_backend({.name = "scalar"}); }),
             ContainsSubstring("LAMELLA_NUM_THREADS is \"many\""));
}

TEST_CASE("LAMELLA_ADAPTIVE_THREADS is 0 or 1", "[selection]") {
  const CleanEnvironment clean;
  for (const char* value : {"0", "1"}) {
    const EnvironmentGuard guard("LAMELLA_ADAPTIVE_THREADS", value);
    CHECK(make_backend({.name = "scalar"})->info().name == "scalar");
  }
  for (const char* value : {"2", "yes", "off", "-1", " 0", "00"}) {
    const EnvironmentGuard guard("LAMELLA_ADAPTIVE_THREADS", value);
    CHECK_THAT(backend_error([] { make_backend({.name = "scalar"}); }),
               ContainsSubstring("LAMELLA_ADAPTIVE_THREADS is \"" + std::string(value) +
                                 "\", but must be 0 or 1"));
  }
}

// The lines about threads that verbose mode prints while products of a size that is tuned run,
// until there is one, or for so long that there must have been one.
std::string lines_about_threads(const std::string& backend_name) {
  const EnvironmentGuard verbose("LAMELLA_VERBOSE", "1");
  CapturedStderr captured;
  const auto backend = make_backend({.name = backend_name, .threads = 2});
  Matrix<float> a(96, 96), b(96, 96), c(96, 96);
  // A decision takes 24 runs, none of which is after a team that came late (which is another line).
  for (int run = 0; run < 30; ++run) backend->gemm<float>(1, a.view(), b.view(), 0, c.view());
  const std::string text = captured.text();
  std::string lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (line.rfind("lamella: threading: ", 0) == 0) lines += line + '\n';
  return lines;
}

TEST_CASE("verbose mode tells what was decided about threads, unless nothing is adapted",
          "[selection]") {
  const CleanEnvironment clean;
  if (thread_limit().threads < 2) {
    WARN("there is only one thread here");
    return;
  }
  for (const char* name : {"openmp", "tbb"}) {
    if (!usable(name)) continue;
    CAPTURE(name);
    const std::string lines = lines_about_threads(name);
    CAPTURE(lines);
    CHECK(
        std::regex_search(lines, std::regex("threading: (gemm f32 96x96x96: (one thread|2 threads) "
                                            "\\([0-9.]+ us against [0-9.]+ us with (2|one)\\)|"
                                            "team late by [0-9.]+ ms; one thread for [0-9]+ ms)")));
    CHECK(std::count(lines.begin(), lines.end(), '\n') < 10);  // not one a call
    const EnvironmentGuard fixed("LAMELLA_ADAPTIVE_THREADS", "0");
    CHECK(lines_about_threads(name).empty());
  }
}

TEST_CASE("the instruction set is the best one not above the cap", "[selection]") {
  const CleanEnvironment clean;
  if (!usable("simd")) {
    WARN("simd is not usable here");
    return;
  }
  const auto isas = usable_isas();
  REQUIRE_FALSE(isas.empty());
  CHECK(make_backend({.name = "simd"})->info().isa == isas.back());
  for (const auto& isa : isas) {
    CAPTURE(isa);
    for (const auto& name : kBuiltins) {
      if (!usable(name)) continue;
      const auto expected = name == "scalar" ? "scalar" : isa;
      CHECK(make_backend({.name = name, .isa = isa})->info().isa == expected);
      const EnvironmentGuard guard("LAMELLA_ISA", isa.c_str());
      CHECK(make_backend({.name = name})->info().isa == expected);
    }
    int selected = 0;
    for (const auto& status : list_isas({.isa = isa}))
      if (status.selected) {
        ++selected;
        CHECK(status.name == isa);
      }
    CHECK(selected == 1);
    const EnvironmentGuard guard("LAMELLA_ISA", isa.c_str());
    CHECK(make_backend({.name = "simd", .isa = isas.front()})->info().isa == isas.front());
  }
}

TEST_CASE("an instruction set that is unknown or not usable here is an error with reasons",
          "[selection]") {
  const CleanEnvironment clean;
  const auto all = list_isas();
  std::vector<std::string> wrong = {"sse9", "AVX2", "scalar", "auto"};
  for (const auto& isa : all)
    if (!isa.usable) wrong.push_back(isa.name);
  REQUIRE(wrong.size() > 4);  // one processor family's names are always another's errors
  for (const auto& isa : wrong) {
    CAPTURE(isa);
    const auto by_argument = backend_error([&] { make_backend({.isa = isa}); });
    CHECK_THAT(by_argument, ContainsSubstring("\"" + isa + "\" (request)"));
    const EnvironmentGuard guard("LAMELLA_ISA", isa.c_str());
    for (const auto& message :
         {backend_error([] { make_backend(); }), backend_error([] { list_isas(); }),
          backend_error([] { make_backend({.name = "scalar"}); })}) {
      CHECK_THAT(message, ContainsSubstring("(LAMELLA_ISA)"));
      for (const auto& status : all) {
        CHECK_THAT(message, ContainsSubstring(status.name));
        if (!status.usable) CHECK_THAT(message, ContainsSubstring(status.reason));
      }
    }
  }
}

TEST_CASE("a backend knows its threads and what limited them", "[selection]") {
  const CleanEnvironment clean;
  for (const auto& name : kBuiltins) {
    if (!usable(name)) continue;
    CAPTURE(name);
    const bool threads = name == "openmp" || name == "tbb";
    const auto info = make_backend({.name = name})->info();
    CHECK(info.threads == (threads ? thread_limit().threads : 1));
    CHECK(info.threads_limited_by ==
          (threads ? thread_limit().limited_by : "a backend of one thread"));
    const auto one = make_backend({.name = name, .threads = 1})->info();
    CHECK(one.threads == 1);
    if (threads) CHECK(one.threads_limited_by == "request");
  }
}

TEST_CASE("the version is three numbers", "[selection]") {
  CHECK(std::regex_match(version(), std::regex("[0-9]+\\.[0-9]+\\.[0-9]+")));
}

}  // namespace
}  // namespace lamella::test
