// main() of every test executable: Catch2's, except that a run which executes no test fails.
#define CATCH_CONFIG_RUNNER
#include <cstdio>

#include "tests/catch.h"

namespace {

int test_cases_run = 0;

// Counted here because the two versions of Catch2 differ in what an empty run returns.
class CountTestCases : public Catch::EventListenerBase {
 public:
  using Base = Catch::EventListenerBase;
  using Base::Base;
  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    Base::testCaseStarting(info);
    ++test_cases_run;
  }
};

CATCH_REGISTER_LISTENER(CountTestCases)

bool only_lists(const Catch::ConfigData& config) {
  return config.showHelp || config.libIdentify || config.listTests || config.listTags ||
         config.listReporters;
}

}  // namespace

int main(int argc, char** argv) {
  Catch::Session session;
  const int wrong_arguments = session.applyCommandLine(argc, argv);
  if (wrong_arguments != 0) return wrong_arguments;
  const int failed = session.run();
  if (failed == 0 && test_cases_run == 0 && !only_lists(session.configData())) {
    std::fprintf(stderr, "%s: no test ran, which counts as a failure\n", argv[0]);
    return 2;
  }
  return failed;
}
