// Verbose mode shows which backend was really selected, prints a line per kernel call, and changes
// no result.
#include "core/kernels/trace.h"

#include <array>
#include <cstring>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/matrix.h>

#include "tests/captured_stderr.h"
#include "tests/catch.h"
#include "tests/environment_guard.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// Operands of a small layer, filled with the same numbers every time.
template <class T>
struct Layer {
  Matrix<T> x{4, 3}, w{3, 5}, z{4, 5}, gradient{4, 5}, dw{3, 5}, velocity{3, 5}, second{3, 5};
  AlignedArray<T> bias{5}, losses{4}, sums{5}, x_row{3};
  AlignedArray<std::int32_t> labels{4}, predictions{4};
  std::array<std::uint8_t, 12> bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

  Layer() {
    for (index_t i = 0; i < x.size(); ++i) x.values()[static_cast<std::size_t>(i)] = T(i % 5) - 2;
    for (index_t i = 0; i < w.size(); ++i)
      w.values()[static_cast<std::size_t>(i)] = T(i % 7) / 4 - 1;
    for (index_t i = 0; i < 5; ++i) bias[i] = T(i) / 3;
    for (index_t i = 0; i < 3; ++i) x_row[i] = T(i) - 1;
    for (index_t i = 0; i < 4; ++i) labels[i] = static_cast<std::int32_t>(i);
  }

  Gemm<T> forward() { return {1, x.view(), w.view(), 0, z.view()}; }
  FusedGemm<T> forward_relu() {
    Epilogue<T> epilogue;
    epilogue.bias = bias.view();
    epilogue.activation = {ActivationKind::relu};
    return {forward(), epilogue};
  }

  /// Calls of kernels with all kinds of operands and options, each fit to follow the one before.
  Plan<T> plan() {
    const Activation tanh{ActivationKind::tanh};
    Plan<T> plan;
    plan.calls = {
        forward_relu(),
        BiasAdd<T>{bias.view(), z.view()},
        Activate<T>{tanh, z.view(), z.view()},
        Softmax<T>{z.view(), gradient.view()},
        SoftmaxNll<T>{z.view(),
                      labels.view(),
                      {},
                      0,
                      T(0.25),
                      gradient.view(),
                      losses.view(),
                      predictions.view()},
        ActivateBackward<T>{tanh, z.view(), gradient.view()},
        ColumnSums<T>{1, gradient.view(), 0, sums.view()},
        OuterProduct<T>{T(0.5), x_row.view(), sums.view(), dw.view()},
        SgdUpdate<T>{T(0.1), T(0.9), 0, false, dw.view(), velocity.view(), w.view()},
        AdamUpdate<T>{T(0.9), T(0.1), T(0.5), T(0.5), 0, 1, T(0.1), T(0.01), dw.view(),
                      velocity.view(), second.view(), w.view()},
        GatherBytes<T>{bytes.data(), 4, 3, labels.view(), x_row.view(), x_row.view(), x.view()}};
    return plan;
  }

  bool same_bits(const Layer& other) const {
    const auto same = [](const Matrix<T>& a, const Matrix<T>& b) {
      return std::memcmp(a.data(), b.data(), sizeof(T) * static_cast<std::size_t>(a.size())) == 0;
    };
    return same(z, other.z) && same(gradient, other.gradient) && same(dw, other.dw) &&
           same(velocity, other.velocity) && same(second, other.second) && same(w, other.w) &&
           std::equal(losses.begin(), losses.end(), other.losses.begin()) &&
           std::equal(sums.begin(), sums.end(), other.sums.begin()) &&
           std::equal(predictions.begin(), predictions.end(), other.predictions.begin());
  }
};

/// What verbose mode writes while `name`, from the environment, multiplies a 4x3 by a 3x5 matrix.
std::string trace_of(const std::string& name) {
  const EnvironmentGuard backend_name("LAMELLA_BACKEND", name.c_str());
  const EnvironmentGuard verbose("LAMELLA_VERBOSE", "1");
  CapturedStderr captured;
  const auto backend = make_backend();
  Layer<float> layer;
  backend->run(layer.forward());
  return captured.text();
}

TEST_CASE("the trace shows that LAMELLA_BACKEND really selects", "[trace]") {
  const CleanEnvironment clean;
  int tried = 0;
  for (const auto& status : list_backends()) {
    if (!status.usable) continue;
    ++tried;
    CAPTURE(status.name);
    const auto text = trace_of(status.name);
    CAPTURE(text);
    CHECK_THAT(text, ContainsSubstring("lamella: backend " + status.name + ", ") &&
                         ContainsSubstring("chosen by LAMELLA_BACKEND"));
    const std::regex call("lamella: gemm f32 4x5x3 " + status.name +
                          "/[a-z0-9]+ [0-9]+ threads? [0-9.]+ us( [0-9.]+ GFLOP/s)?");
    int calls = 0;
    for (const auto& line : lines_of(text)) calls += std::regex_match(line, call) ? 1 : 0;
    CHECK(calls == 1);
    for (const auto& other : list_backends())
      if (other.name != status.name)
        CHECK_THAT(text, ContainsSubstring("backend " + other.name + " not chosen: "));
  }
  CHECK(tried >= 1);
}

TEST_CASE("the trace says why auto passed over a backend and an instruction set", "[trace]") {
  const CleanEnvironment clean;
  const EnvironmentGuard verbose("LAMELLA_VERBOSE", "1");
  CapturedStderr captured;
  make_backend({.threads = 1});
  const auto text = captured.text();
  CAPTURE(text);
  CHECK_THAT(text, ContainsSubstring("chosen by auto"));
  for (const auto& status : list_backends())
    if (status.usable && (status.name == "openmp" || status.name == "tbb"))
      CHECK_THAT(text, ContainsSubstring("backend " + status.name +
                                         " not chosen: only one thread is allowed (request)"));
  for (const auto& isa : list_isas())
    if (!isa.usable)
      CHECK_THAT(text,
                 ContainsSubstring("instruction set " + isa.name + " not chosen: " + isa.reason));
}

TEST_CASE("verbose mode is off for 0 and unset, and an error for anything else", "[trace]") {
  const CleanEnvironment clean;
  for (const char* value : {static_cast<const char*>(nullptr), "0"}) {
    const EnvironmentGuard verbose("LAMELLA_VERBOSE", value);
    CapturedStderr captured;
    Layer<float> layer;
    make_backend({.name = "scalar"})->run(layer.forward());
    CHECK(captured.text().empty());
  }
  for (const char* value : {"2", "yes", "true", " 1", "01"}) {
    const EnvironmentGuard verbose("LAMELLA_VERBOSE", value);
    CHECK_THROWS_WITH(make_backend(), ContainsSubstring("LAMELLA_VERBOSE"));
    CHECK_THROWS_AS(make_backend(), BackendError);
  }
}

template <class T>
void check_trace_of_all_kernels(const std::string& type) {
  const CleanEnvironment clean;
  for (const auto& status : list_backends()) {
    if (!status.usable) continue;
    CAPTURE(status.name);
    const auto plain = make_backend({.name = status.name});
    Layer<T> expected;
    plain->template kernels<T>().run(expected.plan());

    const auto traced = detail::make_traced_backend(plain);
    CHECK(traced->info().name == status.name);
    Layer<T> actual;
    CapturedStderr captured;
    traced->template kernels<T>().run(actual.plan());
    const auto lines = lines_of(captured.text());
    CHECK(actual.same_bits(expected));

    const std::vector<std::string> kernels = {"fused_gemm " + type + " 4x5x3 bias relu ",
                                              "bias_add " + type + " 4x5 ",
                                              "activate " + type + " 4x5 tanh ",
                                              "softmax " + type + " 4x5 ",
                                              "softmax_nll " + type + " 4x5 ",
                                              "activate_backward " + type + " 4x5 tanh ",
                                              "column_sums " + type + " 4x5 ",
                                              "outer_product " + type + " 3x5 ",
                                              "sgd_update " + type + " 3x5 momentum ",
                                              "adam_update " + type + " 3x5 ",
                                              "gather_bytes " + type + " 4x3 "};
    REQUIRE(lines.size() == kernels.size());
    for (std::size_t i = 0; i < lines.size(); ++i)
      CHECK_THAT(lines[i], ContainsSubstring("lamella: " + kernels[i] + status.name + "/"));
  }
}

TEST_CASE("a traced plan is a line per call and the same bits", "[trace]") {
  check_trace_of_all_kernels<float>("f32");
  check_trace_of_all_kernels<double>("f64");
}

class FailedBackend final : public Backend {
 public:
  explicit FailedBackend(std::shared_ptr<const Backend> inner) : inner_(std::move(inner)) {}
  const BackendInfo& info() const noexcept override { return inner_->info(); }
  const Kernels<float>& f32() const noexcept override { return inner_->f32(); }
  const Kernels<double>& f64() const noexcept override { return inner_->f64(); }
  void throw_if_failed() const override { throw BackendError("it failed"); }

 private:
  std::shared_ptr<const Backend> inner_;
};

TEST_CASE("a traced backend reports the failures of the one inside", "[trace]") {
  const CleanEnvironment clean;
  const auto scalar = make_backend({.name = "scalar"});
  CHECK_NOTHROW(detail::make_traced_backend(scalar)->throw_if_failed());
  const auto traced = detail::make_traced_backend(std::make_shared<FailedBackend>(scalar));
  CHECK_THROWS_AS(traced->throw_if_failed(), BackendError);
}

}  // namespace
}  // namespace lamella::test
