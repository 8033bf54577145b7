// Profiles count and time the calls, and change no result.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/matrix.h>
#include <lamella/network.h>
#include <lamella/profile.h>

#include "tests/catch.h"
#include "tests/minimal_backend.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Clock = std::chrono::steady_clock;

std::string title(const ProfileEntry& entry) {
  return entry.kernel + ' ' + entry.shape + (entry.options.empty() ? "" : ' ' + entry.options);
}

/// Three steps of a 6-5-3 network on batches of four; the parameters they end with.
template <class T>
std::vector<T> trained(std::shared_ptr<const Backend> backend, const Optimizer& optimizer) {
  Network<T> network({6, {5}, 3}, std::move(backend));
  const std::vector<std::int32_t> labels{0, 1, 2, 1};
  const View<T> x = network.batch_input(4);
  for (index_t i = 0; i < x.rows; ++i)
    for (index_t j = 0; j < x.cols; ++j) x(i, j) = static_cast<T>((i * 7 + j * 3) % 5) / 4;
  for (int step = 0; step < 3; ++step) network.train_batch(labels, {}, optimizer);
  std::vector<T> parameters;
  for (index_t l = 0; l < network.layers(); ++l) {
    const LayerView<T> layer = network.layer(l);
    for (index_t i = 0; i < layer.weights.rows; ++i)
      for (index_t j = 0; j < layer.weights.cols; ++j) parameters.push_back(layer.weights(i, j));
    for (index_t i = 0; i < layer.bias.size; ++i) parameters.push_back(layer.bias[i]);
  }
  return parameters;
}

TEMPLATE_TEST_CASE("a profile has every kind of call of a training step", "[profile]", float,
                   double) {
  using T = TestType;
  for (const auto& backend : test_backends()) {
    CAPTURE(backend->info().name);
    const auto profiled = std::make_shared<ProfiledBackend>(backend);
    CHECK(profiled->info().name == backend->info().name);
    CHECK(profiled->entries().empty());

    const Optimizer plain = SgdOptions{.learning_rate = 0.1};
    const auto start = Clock::now();
    CHECK(trained<T>(profiled, plain) == trained<T>(backend, plain));
    const double wall = std::chrono::duration<double>(Clock::now() - start).count();

    std::map<std::string, ProfileEntry> by_title;
    double seconds = 0;
    double before = wall;
    for (const ProfileEntry& entry : profiled->entries()) {
      CHECK(entry.type == (sizeof(T) == 4 ? "f32" : "f64"));
      CHECK(entry.calls == 3);
      CHECK(entry.seconds >= 0);
      CHECK(entry.seconds <= before);  // the longest first
      before = entry.seconds;
      seconds += entry.seconds;
      by_title[title(entry)] = entry;
    }
    CHECK(seconds > 0);
    CHECK(seconds <= wall);
    std::vector<std::string> titles;
    for (const auto& [name, entry] : by_title) titles.push_back(name);
    const std::vector<std::string> expected = {"column_sums 4x3",
                                               "column_sums 4x5",
                                               "fused_gemm 3x5x4 accumulate",
                                               "fused_gemm 4x3x5 bias",
                                               "fused_gemm 4x5x3 backward:relu",
                                               "fused_gemm 4x5x6 bias relu",
                                               "fused_gemm 5x6x4 accumulate",
                                               "softmax_nll 4x3"};
    CHECK(titles == expected);

    const double size = sizeof(T);
    const ProfileEntry& forward = by_title["fused_gemm 4x5x6 bias relu"];
    CHECK(forward.flops == 2 * 4 * 5 * 6);
    CHECK(forward.bytes == size * (4 * 6 + 6 * 5 + 4 * 5 + 5));
    CHECK(forward.footprint == forward.bytes);
    const ProfileEntry& update = by_title["fused_gemm 5x6x4 accumulate"];
    CHECK(update.bytes == size * (5 * 4 + 4 * 6 + 2 * 5 * 6));
    CHECK(update.footprint == size * (5 * 4 + 4 * 6 + 5 * 6));
    const ProfileEntry& loss = by_title["softmax_nll 4x3"];
    CHECK(loss.flops == 0);
    CHECK(loss.bytes == size * 2 * 4 * 3);
    CHECK(loss.footprint == size * 4 * 3);  // in place
  }
}

TEST_CASE("momentum and Adam show up in a profile", "[profile]") {
  const auto backend = make_minimal_backend();
  const auto calls_of = [&](const Optimizer& optimizer, const std::string& wanted) {
    const auto profiled = std::make_shared<ProfiledBackend>(backend);
    trained<float>(profiled, optimizer);
    std::int64_t calls = 0;
    for (const ProfileEntry& entry : profiled->entries())
      if (title(entry) == wanted) calls += entry.calls;
    return calls;
  };
  const Optimizer momentum = SgdOptions{.learning_rate = 0.1, .momentum = 0.5};
  const Optimizer nesterov = SgdOptions{.learning_rate = 0.1, .momentum = 0.5, .nesterov = true};
  CHECK(calls_of(momentum, "sgd_update 5x6 momentum") == 3);
  CHECK(calls_of(momentum, "sgd_update 1x5 momentum") == 3);
  CHECK(calls_of(nesterov, "sgd_update 5x6 nesterov") == 3);
  CHECK(calls_of(AdamOptions{}, "adam_update 5x6") == 3);
}

TEST_CASE("a profile can be stopped and cleared", "[profile]") {
  const auto profiled = std::make_shared<ProfiledBackend>(make_minimal_backend());
  Matrix<double> c(2, 3);
  const AlignedArray<double> bias(3);
  profiled->bias_add(bias.view(), c.view());
  profiled->set_recording(false);
  profiled->bias_add(bias.view(), c.view());
  profiled->set_recording(true);
  profiled->bias_add(bias.view(), c.view());
  REQUIRE(profiled->entries().size() == 1);
  CHECK(profiled->entries()[0].calls == 2);
  profiled->clear();
  CHECK(profiled->entries().empty());
  profiled->bias_add(bias.view(), c.view());
  REQUIRE(profiled->entries().size() == 1);
  CHECK(title(profiled->entries()[0]) == "bias_add 2x3");
  CHECK(profiled->entries()[0].calls == 1);
}

TEST_CASE("any number of kinds of calls, from any number of threads", "[profile]") {
  const auto profiled = std::make_shared<ProfiledBackend>(make_minimal_backend());
  constexpr index_t kShapes = 500;
  const auto work = [&] {
    const AlignedArray<double> bias(kShapes);
    Matrix<double> c(1, kShapes);
    for (index_t n = 1; n <= kShapes; ++n)
      profiled->bias_add(ConstVectorView<double>{bias.data(), n, 1},
                         View<double>{c.data(), 1, n, kShapes, 1});
  };
  std::thread other(work);
  work();
  other.join();
  std::int64_t calls = 0, others = 0;
  std::vector<std::string> shapes;
  for (const ProfileEntry& entry : profiled->entries()) {
    calls += entry.calls;
    if (entry.kernel == "others") {
      others += entry.calls;
      CHECK(entry.shape.empty());
      CHECK(entry.bytes == 0);
    } else {
      CHECK(entry.calls == 2);
      shapes.push_back(entry.shape);
    }
  }
  CHECK(calls == 2 * kShapes);
  CHECK(others > 0);
  CHECK(shapes.size() > 100);
  std::sort(shapes.begin(), shapes.end());
  CHECK(std::adjacent_find(shapes.begin(), shapes.end()) == shapes.end());
}

/// Records the calls of an observer.
class Notes final : public PlanObserver<double> {
 public:
  void begin() noexcept override { begun_after.push_back(done_calls); }
  void done(const KernelCall<double>& call) noexcept override {
    ++done_calls;
    kinds.push_back(call.index());
  }
  int done_calls = 0;
  std::vector<int> begun_after;
  std::vector<std::size_t> kinds;
};

TEST_CASE("an observer hears of every call of a plan, in order", "[profile]") {
  for (const auto& backend : test_backends()) {
    CAPTURE(backend->info().name);
    // Large enough for a parallel region where there are threads.
    Matrix<double> a(256, 256), b(256, 256), c(256, 256);
    AlignedArray<double> sums(256), bias(256);
    Plan<double> plan;
    plan.calls = {FusedGemm<double>{{1, a.view(), b.view(), 0, c.view()}, {}},
                  BiasAdd<double>{bias.view(), c.view()},
                  ColumnSums<double>{1, c.view(), 0, sums.view()}};
    const std::vector<std::size_t> kinds = {plan.calls[0].index(), plan.calls[1].index(),
                                            plan.calls[2].index()};
    const auto profiled = std::make_shared<ProfiledBackend>(backend);
    for (const Backend* one : {backend.get(), static_cast<const Backend*>(profiled.get())}) {
      Notes notes;
      one->f64().run_observed(plan, notes);
      CHECK(notes.begun_after == std::vector<int>{0});
      CHECK(notes.kinds == kinds);
    }
    CHECK(profiled->entries().size() == 3);
  }
}

TEST_CASE("a profiled backend needs one inside, and reports its failures", "[profile]") {
  CHECK_THROWS_AS(ProfiledBackend(nullptr), ArgumentError);
  class Failed final : public Backend {
   public:
    const BackendInfo& info() const noexcept override { return inner_->info(); }
    const Kernels<float>& f32() const noexcept override { return inner_->f32(); }
    const Kernels<double>& f64() const noexcept override { return inner_->f64(); }
    void throw_if_failed() const override { throw BackendError("it failed"); }

   private:
    std::shared_ptr<const Backend> inner_ = make_minimal_backend();
  };
  CHECK_THROWS_AS(ProfiledBackend(std::make_shared<Failed>()).throw_if_failed(), BackendError);
  CHECK_NOTHROW(ProfiledBackend(make_minimal_backend()).throw_if_failed());
}

}  // namespace
}  // namespace lamella::test
