// Whole trainings give the same bits with simd, openmp and tbb and any number of threads.
#include <algorithm>
#include <cmath>
#include <string>

#include <lamella/backend_selection.h>
#include <lamella/trainer.h>

#include "backends/driver_backend.h"
#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

struct Subject {
  std::string name;
  std::shared_ptr<const Backend> backend;
};

backends::KernelTables tables(const std::string& isa) {
  return isa == "baseline" ? backends::baseline_tables()
         : isa == "avx2"   ? backends::avx2_tables()
         : isa == "avx512" ? backends::avx512_tables()
         : isa == "neon"   ? backends::neon_tables()
                           : backends::scalar_tables();
}

// One thread first, then every executor in this build with 1 to 4 threads, also where the machine
// has fewer.
std::vector<Subject> subjects(const std::string& isa) {
  std::vector<Subject> all;
  const auto add = [&](const std::string& name, int threads,
                       std::unique_ptr<backends::Executor> executor) {
    all.push_back({name + "/" + isa + "/" + std::to_string(threads),
                   backends::make_driver_backend({name, isa, threads, "the test"}, tables(isa),
                                                 std::move(executor))});
  };
  add("simd", 1, backends::make_serial_executor());
  for (int threads = 1; threads <= 4; ++threads) {
#ifdef LAMELLA_WITH_OPENMP
    add("openmp", threads, backends::make_openmp_executor(threads));
#endif
#ifdef LAMELLA_WITH_TBB
    add("tbb", threads, backends::make_tbb_executor(threads));
#endif
  }
  return all;
}

// Ten noisy patterns of bytes, one a class.
Dataset patterns(index_t samples, index_t features) {
  Uniform uniform(1);
  std::vector<std::uint8_t> values;
  std::vector<std::int32_t> labels;
  for (index_t s = 0; s < samples; ++s) {
    labels.push_back(uniform.below(10));
    for (index_t j = 0; j < features; ++j)
      values.push_back(
          static_cast<std::uint8_t>((j * (labels.back() + 3)) % 200 + uniform.below(50)));
  }
  return Dataset(values, {features}, labels);
}

TEMPLATE_TEST_CASE("trained parameters do not depend on threads or executor",
                   "[network][determinism]", float, double) {
  using T = TestType;
  const Dataset data = patterns(300, 200);
  const Dataset test = patterns(270, 200);
  struct Variant {
    std::string name;
    Optimizer optimizer;
    double dropout, input_dropout;
    ActivationKind activation;
    Normalization normalization = Normalization::none;
    Regularization regularization = {};
  };
  const Variant variants[] = {
      {"sgd", SgdOptions{.learning_rate = 0.02, .weight_decay = 0.001}, 0, 0, ActivationKind::relu},
      {"momentum", SgdOptions{.learning_rate = 0.02, .momentum = 0.9, .weight_decay = 0.001}, 0.25,
       0.125, ActivationKind::tanh},
      {"adamw", AdamOptions{.weight_decay = 0.1, .decoupled_decay = true}, 0, 0,
       ActivationKind::relu},
      {"gelu", SgdOptions{.learning_rate = 0.02}, 0.25, 0, ActivationKind::gelu},
      {"batch normalisation", AdamOptions{}, 0.25, 0.1, ActivationKind::relu, Normalization::batch},
      {"batch normalisation, sgd", SgdOptions{.learning_rate = 0.02}, 0, 0, ActivationKind::silu,
       Normalization::batch},
      {"l1 and max_norm",
       SgdOptions{.learning_rate = 0.02},
       0,
       0,
       ActivationKind::relu,
       Normalization::none,
       {0.001, 1.5}}};
  std::vector<std::string> isas = usable_isas();
  isas.insert(isas.begin(), "scalar");
  for (const std::string& isa : isas)
    for (const Variant& variant : variants) {
      std::vector<T> first;
      double first_loss = 0;
      for (const Subject& subject : subjects(isa)) {
        INFO(subject.name << ", " << variant.name);
        Network<T> network({200, {256, 128}, 10, {variant.activation}, variant.normalization},
                           subject.backend, 1);
        TrainOptions options;
        options.epochs = 2;
        options.batch_size = 128;  // 128, 128, 44
        options.optimizer = variant.optimizer;
        options.dropout = variant.dropout;
        options.regularization = variant.regularization;
        options.input_dropout = variant.input_dropout;
        const auto reports = train(network, data, &test, {{0}, {1.0 / 255}}, options);
        const auto parameters = parameters_of(network);
        REQUIRE(std::all_of(parameters.begin(), parameters.end(),
                            [](T value) { return std::isfinite(value); }));
        if (first.empty()) {
          first = parameters;
          first_loss = *reports.back().test_loss;
          CHECK(reports.back().train_loss < reports.front().train_loss);
        }
        CHECK((parameters == first));
        CHECK(*reports.back().test_loss == first_loss);
      }
    }
}

}  // namespace
}  // namespace lamella::test
