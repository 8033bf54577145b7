// Values that several threads ask for at the same time: all get the same one.
#include "core/base/made_once.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/catch.h"

namespace lamella::test {
namespace {

template <class Ask>
std::vector<const int*> answers(const Ask& ask) {
  std::vector<const int*> answers(8);
  std::vector<std::thread> threads;
  for (auto& answer : answers) threads.emplace_back([&] { answer = ask(); });
  for (auto& thread : threads) thread.join();
  return answers;
}

TEST_CASE("all threads get the object that was made first", "[made_once]") {
  static constinit detail::MadeOnce<const int> once;
  const auto all =
      answers([] { return &once.get([] { return std::make_unique<const int>(42); }); });
  CHECK(*all.front() == 42);
  CHECK(std::all_of(all.begin(), all.end(), [&](const int* one) { return one == all.front(); }));
}

TEST_CASE("what could not be made is made by the next call", "[made_once]") {
  static constinit detail::MadeOnce<const int> once;
  CHECK_THROWS_AS(once.get([]() -> std::unique_ptr<const int> { throw std::runtime_error("no"); }),
                  std::runtime_error);
  CHECK(once.get([] { return std::make_unique<const int>(3); }) == 3);
}

TEST_CASE("a small value is computed once", "[made_once]") {
  static constinit detail::ComputedOnce<int> once;
  int computed = 0;
  for (int i = 0; i < 3; ++i) CHECK(once.get([&] { return ++computed; }) == 1);
  CHECK(computed == 1);
}

}  // namespace
}  // namespace lamella::test
