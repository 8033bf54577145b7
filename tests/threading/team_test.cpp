// The team that runs a plan: phases in order, every part once, and no waiting for workers that
// never come.
#include "backends/threading/team.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/catch.h"

using lamella::backends::DryRunExecutor;
using lamella::backends::Team;
using lamella::backends::TeamMember;

namespace {

constexpr int kPhases = 100;

/// Work in which every phase reads what all parts of the one before wrote: wrong unless phases are
/// separated. Returns the values after the last phase.
void run_phases(const TeamMember& member, int parts, std::vector<std::vector<long>>& values,
                std::vector<std::atomic<int>>& runs) {
  for (int phase = 1; phase <= kPhases; ++phase)
    member.run(parts, [&, phase](int part) {
      long sum = 0;
      for (const long value : values[static_cast<std::size_t>(phase - 1)]) sum += value;
      values[static_cast<std::size_t>(phase)][static_cast<std::size_t>(part)] = sum % 1009 + part;
      const int run = phase * parts + part;
      runs[static_cast<std::size_t>(run)].fetch_add(1);
    });
}

/// Runs `present` of `workers` members, each on a thread; the others never come.
void check_team(int workers, int present, int parts) {
  CAPTURE(workers, present, parts);
  const auto initial = [&] {
    return std::vector<std::vector<long>>(kPhases + 1,
                                          std::vector<long>(static_cast<std::size_t>(parts), 1));
  };
  std::vector<std::vector<long>> expected = initial(), values = initial();
  for (int phase = 1; phase <= kPhases; ++phase)
    for (int part = 0; part < parts; ++part) {
      long sum = 0;
      for (const long value : expected[static_cast<std::size_t>(phase - 1)]) sum += value;
      expected[static_cast<std::size_t>(phase)][static_cast<std::size_t>(part)] = sum % 1009 + part;
    }
  std::vector<std::atomic<int>> runs(static_cast<std::size_t>((kPhases + 1) * parts));
  const auto team = std::make_unique<Team>();
  std::vector<std::thread> threads;
  for (int worker = workers - present; worker < workers; ++worker)
    threads.emplace_back([&, worker] {
      const TeamMember member(*team, worker, workers);
      run_phases(member, parts, values, runs);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(values == expected);
  int wrong = 0;
  for (std::size_t i = static_cast<std::size_t>(parts); i < runs.size(); ++i)
    wrong += runs[i] != 1 ? 1 : 0;
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("a team does every part of every phase once, in order", "[team]") {
  for (const int workers : {1, 2, 3, 4})
    for (const int parts : {1, 2, workers, 2 * workers + 1, 8 * workers})
      check_team(workers, workers, parts);
}

TEST_CASE("a team finishes without the workers that never start", "[team]") {
  check_team(4, 1, 4);
  check_team(3, 2, 3);
  check_team(4, 1, 17);
  check_team(3, 2, 24);
}

TEST_CASE("a phase counter runs nothing", "[team]") {
  const DryRunExecutor counter(4);
  bool ran = false;
  counter.run(3, [&](int) { ran = true; });
  counter.run(2, [&](int) { ran = true; });
  CHECK(!ran);
  CHECK(counter.phases() == 2);
  CHECK(counter.widest() == 3);
  CHECK(counter.concurrency() == 4);
  counter.run(4 * counter.parts_per_worker(), [&](int) { ran = true; });
  CHECK(counter.widest() == 4);
}
