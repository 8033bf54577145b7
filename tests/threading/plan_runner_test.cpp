// What is worked out about a plan, how often, and that plans and products get the threads that
// have been faster, with a made-up clock.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <lamella/matrix.h>

#include "backends/driver_backend.h"
#include "backends/threading/plan_tuners.h"
#include "tests/catch.h"
#include "tests/threading/fake_clock.h"

namespace lamella::test {
namespace {

using namespace std::chrono_literals;

/// Two threads, in name: regions are counted, and the clock says that each takes `cost`.
class CountedRegions final : public backends::Executor {
 public:
  CountedRegions(int* regions, FakeClock::Duration cost) : regions_(regions), cost_(cost) {}
  int concurrency() const noexcept override { return 2; }
  void run(int workers, backends::WorkerBody body) const noexcept override {
    ++*regions_;
    body(0);
    FakeClock::advance(cost_);  // of a body of the caller's
    for (int worker = 1; worker < workers; ++worker) body(worker);
  }

 private:
  int* regions_;
  FakeClock::Duration cost_;
};

struct Subject {
  explicit Subject(FakeClock::Duration region_cost, bool adaptive = true) {
    RecordedTrace::lines().clear();
    backend = backends::make_driver_backend({"subject", "scalar", 2, "the test"},
                                            backends::scalar_tables(),
                                            std::make_unique<CountedRegions>(&regions, region_cost),
                                            {adaptive, RecordedTrace::print, FakeClock::clock()});
  }
  const Kernels<float>& kernels() const { return backend->f32(); }

  int regions = 0;
  std::shared_ptr<const Backend> backend;
};

Matrix<float> filled(index_t rows, index_t cols) {
  Matrix<float> matrix(rows, cols);
  for (index_t i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<float>(i % 7) / 4;
  return matrix;
}

/// A product of 2 * 96³ flops, a plan of which is tuned.
struct Product {
  explicit Product(index_t n = 96) : a(filled(n, n)), b(filled(n, n)), c(n, n) {}
  FusedGemm<float> call() { return {{1, a.view(), b.view(), 0, c.view()}, {}}; }
  Plan<float> plan() {
    Plan<float> plan;
    plan.calls = {call()};
    return plan;
  }
  Matrix<float> a, b, c;
};

TEST_CASE("work for which a team is slower stays on one thread", "[plan_runner]") {
  // On one thread no time passes at all.
  const bool is_plan = GENERATE(false, true);
  Subject subject(50us);
  Product product;
  const Plan<float> plan = product.plan();
  const auto run = [&] {
    is_plan ? subject.kernels().run(plan) : subject.kernels().fused_gemm(product.call());
  };
  for (int i = 0; i < 24; ++i) run();
  CHECK(subject.regions == 12);
  for (int i = 0; i < 100; ++i) run();
  CHECK(subject.regions == 12);
  const std::string subject_of_line =
      is_plan ? "plan f32 of 1 calls, 1.77 Mflop" : "gemm f32 96x96x96";
  CHECK(RecordedTrace::lines() ==
        std::vector<std::string>{"lamella: threading: " + subject_of_line +
                                 ": one thread (0.0 us against 50.0 us with 2)\n"});
}

TEST_CASE("without adaptation every large enough plan has a team, and nothing is timed",
          "[plan_runner]") {
  Subject subject(50us, false);
  Product product;
  const Plan<float> plan = product.plan();
  for (int i = 0; i < 100; ++i) subject.kernels().run(plan);
  CHECK(subject.regions == 100);
  CHECK(RecordedTrace::lines().empty());
}

TEST_CASE("without adaptation the size of a product decides", "[plan_runner]") {
  Subject subject(50us, false);
  Product small(64), large(128);
  for (int i = 0; i < 100; ++i) subject.kernels().fused_gemm(small.call());
  CHECK(subject.regions == 0);
  for (int i = 0; i < 100; ++i) subject.kernels().fused_gemm(large.call());
  CHECK(subject.regions == 100);
}

TEST_CASE("plans of one shape share what was learned, prepared or not", "[plan_runner]") {
  Subject subject(50us);
  Product first, second;
  Plan<float> prepared = first.plan(), plain = second.plan();
  prepared.analysis = subject.kernels().prepare(prepared);
  REQUIRE(prepared.analysis != nullptr);
  for (int i = 0; i < 12; ++i) {
    subject.kernels().run(prepared);
    subject.kernels().run(plain);
  }
  CHECK(subject.regions == 12);
  for (int i = 0; i < 50; ++i) {
    subject.kernels().run(prepared);
    subject.kernels().run(plain);
  }
  CHECK(subject.regions == 12);
  Product other(97);  // of another shape
  subject.kernels().run(other.plan());
  CHECK(subject.regions == 13);
}

TEST_CASE("operands of a prepared plan may change", "[plan_runner]") {
  Subject subject(50us);
  Product first, second;
  second.a.data()[5] = 17;
  Plan<float> plan = first.plan();
  plan.analysis = subject.kernels().prepare(plan);
  subject.kernels().run(plan);
  plan.calls = {second.call()};
  subject.kernels().run(plan);
  Product expected;
  expected.a.data()[5] = 17;
  Subject fresh(50us);
  fresh.kernels().run(expected.plan());
  const auto same = [](const Matrix<float>& x, const Matrix<float>& y) {
    return std::equal(x.values().begin(), x.values().end(), y.values().begin());
  };
  CHECK(same(second.c, expected.c));
  CHECK_FALSE(same(first.c, expected.c));
}

TEST_CASE("an analysis of other kernels is not used", "[plan_runner]") {
  Subject first(50us), second(50us);
  Product product;
  Plan<float> plan = product.plan();
  plan.analysis = first.kernels().prepare(plan);
  for (int i = 0; i < 100; ++i) second.kernels().run(plan);
  CHECK(second.regions == 12);
  CHECK(first.regions == 0);
  first.kernels().run(plan);  // which has learned nothing from those runs
  CHECK(first.regions == 1);
}

/// Gathers samples and multiplies them by weights: products can pack the samples.
struct GatheredProduct {
  GatheredProduct() {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i % 251);
    for (std::size_t s = 0; s < indices.size(); ++s) indices[s] = static_cast<std::int32_t>(s);
    scale.data()[0] = 0.25f;
  }
  Plan<float> plan() {
    GatherBytes<float> gather;
    gather.values = bytes.data();
    gather.samples = kSamples;
    gather.features = kFeatures;
    gather.indices = {indices.data(), kSamples, 1};
    gather.offset = {offset.data(), kFeatures, 0};
    gather.scale = {scale.data(), kFeatures, 0};
    gather.out = transposed(x.view());
    FusedGemm<float> product{{1, transposed(x.view()), w.view(), 0, transposed(z.view())}, {}};
    Plan<float> plan;
    plan.calls = {gather, product};
    return plan;
  }

  static constexpr index_t kSamples = 64, kFeatures = 96, kUnits = 128;
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(kSamples * kFeatures);
  std::vector<std::int32_t> indices = std::vector<std::int32_t>(kSamples);
  Matrix<float> offset{1, 1}, scale{1, 1};
  Matrix<float> x{kFeatures, kSamples}, w = filled(kFeatures, kUnits), z{kUnits, kSamples};
};

TEST_CASE("a prepared plan gathers the samples of each run", "[plan_runner]") {
  const bool is_transient = GENERATE(false, true);
  const auto backend = backends::make_driver_backend({"simd", "any", 1, "the test"},
                                                     backends::baseline_tables().f32 != nullptr
                                                         ? backends::baseline_tables()
                                                         : backends::neon_tables(),
                                                     backends::make_serial_executor());
  GatheredProduct subject, expected;
  Plan<float> plan = subject.plan();
  if (is_transient) plan.transient_outputs = {0};
  plan.analysis = backend->f32().prepare(plan);
  for (int run = 0; run < 3; ++run) {
    for (std::uint8_t& byte : subject.bytes) byte = static_cast<std::uint8_t>(byte * 3 + run);
    auto moved = subject.bytes;  // the samples may stand somewhere else in every run
    std::get<GatherBytes<float>>(plan.calls.front()).values = moved.data();
    backend->f32().run(plan);
    expected.bytes = subject.bytes;
    backend->f32().run(expected.plan());
    CHECK(std::equal(subject.z.values().begin(), subject.z.values().end(),
                     expected.z.values().begin()));
  }
}

TEST_CASE("shapes of calls tell plans apart", "[plan_runner]") {
  backends::PlanTuners tuners;
  Product first, same_shape, other(97);
  const auto tuner = tuners.tuner_of(first.plan());
  REQUIRE(tuner != nullptr);
  CHECK(tuners.tuner_of(same_shape.plan()) == tuner);
  CHECK(tuners.tuner_of(other.plan()) != tuner);
  Plan<float> longer = first.plan();
  longer.calls.emplace_back(Activate<float>{{}, first.c.view(), first.c.view()});
  const auto with_activation = tuners.tuner_of(longer);
  CHECK(with_activation != tuner);
  longer.calls.back() = Activate<float>{{}, other.c.view(), other.c.view()};
  CHECK(tuners.tuner_of(longer) != with_activation);
  longer.calls.back() = Softmax<float>{first.c.view(), first.c.view()};
  CHECK(tuners.tuner_of(longer) != with_activation);
  GatheredProduct gathered;
  Plan<float> transient = gathered.plan();
  transient.transient_outputs = {0};
  CHECK(tuners.tuner_of(transient) != tuners.tuner_of(gathered.plan()));
  CHECK(tuners.tuner_of(first.plan()) == tuner);
  SECTION("and the ones not used for longest are forgotten") {
    for (std::size_t i = 0; i < backends::PlanTuners::kTuners; ++i)
      tuners.tuner_of(Product(static_cast<index_t>(i) + 1).plan());
    CHECK(tuners.tuner_of(first.plan()) != tuner);
  }
}

}  // namespace
}  // namespace lamella::test
