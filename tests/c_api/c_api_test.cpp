// The C interface: results equal the C++ interface's, and every failure is a status and a text.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/generators.h>
#include <lamella/lamella.h>
#include <lamella/matrix.h>
#include <lamella/model_file.h>
#include <lamella/version.h>

#include "tests/catch.h"
#include "tests/scratch_directory.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

struct Destroy {
  void operator()(lamella_model* model) const { lamella_model_destroy(model); }
  void operator()(lamella_backend* backend) const { lamella_backend_destroy(backend); }
};
using ModelHandle = std::unique_ptr<lamella_model, Destroy>;
using BackendHandle = std::unique_ptr<lamella_backend, Destroy>;

/// Points of two moons as arrays.
template <class T>
struct Moons {
  explicit Moons(index_t samples = 300) {
    const Dataset data = make_moons(samples, 0.1, 1);
    for (index_t i = 0; i < samples; ++i)
      for (index_t j = 0; j < 2; ++j) x.push_back(static_cast<T>(data.value(i, j)));
    labels.assign(data.labels().begin(), data.labels().end());
  }
  index_t samples() const { return static_cast<index_t>(labels.size()); }
  std::vector<T> x;
  std::vector<std::int32_t> labels;
};

const ptrdiff_t kHidden[] = {12, 7};

lamella_train_options options_for_moons() {
  lamella_train_options options;
  lamella_train_options_init(&options, sizeof options);
  options.hidden = kHidden;
  options.hidden_layers = 2;
  options.epochs = 30;
  options.batch_size = 16;
  options.momentum = 0.9;
  return options;
}

int train(const Moons<float>& moons, const lamella_train_options* options, lamella_model** model,
          const lamella_backend* backend = nullptr) {
  return lamella_train_f32(moons.x.data(), moons.labels.data(), moons.samples(), 2, options,
                           backend, model);
}
int train(const Moons<double>& moons, const lamella_train_options* options, lamella_model** model,
          const lamella_backend* backend = nullptr) {
  return lamella_train_f64(moons.x.data(), moons.labels.data(), moons.samples(), 2, options,
                           backend, model);
}
int predict(const lamella_model* model, const float* x, index_t samples, float* probabilities) {
  return lamella_model_predict_f32(model, x, samples, probabilities);
}
int predict(const lamella_model* model, const double* x, index_t samples, double* probabilities) {
  return lamella_model_predict_f64(model, x, samples, probabilities);
}

template <class T>
ModelHandle trained(const Moons<T>& moons, const lamella_train_options& options) {
  lamella_model* model = nullptr;
  REQUIRE(train(moons, &options, &model) == LAMELLA_OK);
  REQUIRE(model != nullptr);
  return ModelHandle(model);
}

template <class T>
double accuracy(const lamella_model* model, const Moons<T>& moons) {
  std::vector<T> probabilities(moons.labels.size() * 2);
  REQUIRE(predict(model, moons.x.data(), moons.samples(), probabilities.data()) == LAMELLA_OK);
  index_t right = 0;
  for (std::size_t s = 0; s < moons.labels.size(); ++s)
    right += (probabilities[2 * s + 1] > probabilities[2 * s]) == (moons.labels[s] == 1);
  return static_cast<double>(right) / static_cast<double>(moons.samples());
}

}  // namespace

TEST_CASE("the version is the library's", "[c_api]") {
  CHECK(std::string(lamella_version()) == version());
}

TEMPLATE_TEST_CASE("a model is trained, saved, loaded, and predicts what C++ predicts", "[c_api]",
                   float, double) {
  using T = TestType;
  const Moons<T> moons;
  for (const int precision : {LAMELLA_F32, LAMELLA_F64}) {
    lamella_train_options options = options_for_moons();
    options.precision = precision;
    const ModelHandle model = trained(moons, options);
    CHECK(lamella_model_inputs(model.get()) == 2);
    CHECK(lamella_model_classes(model.get()) == 2);
    CHECK(std::string(lamella_model_class_name(model.get(), 1)) == "1");
    CHECK(accuracy(model.get(), moons) > 0.97);

    const ScratchDirectory directory;
    const std::string path = directory.path() / "model.safetensors";
    REQUIRE(lamella_model_save(model.get(), path.c_str()) == LAMELLA_OK);
    lamella_model* loaded = nullptr;
    REQUIRE(lamella_model_load(path.c_str(), nullptr, &loaded) == LAMELLA_OK);
    const ModelHandle owner(loaded);

    // More samples than predict takes at a time, and their probabilities through C++.
    const Moons<T> many(700);
    std::vector<T> probabilities(1400), again(1400);
    REQUIRE(predict(model.get(), many.x.data(), 700, probabilities.data()) == LAMELLA_OK);
    REQUIRE(predict(loaded, many.x.data(), 700, again.data()) == LAMELLA_OK);
    CHECK(again == probabilities);
    const Model cpp = load_model(path, make_backend());
    const Dataset data(many.x, {2}, {});
    std::vector<std::int32_t> indices(700);
    for (int i = 0; i < 700; ++i) indices[static_cast<std::size_t>(i)] = i;
    std::visit(
        [&]<class N>(const Network<N>& network) {
          REQUIRE((sizeof(N) == 4) == (precision == LAMELLA_F32));
          lamella::Matrix<N> x(700, 2), p(700, 2);
          data.gather(indices, cpp.info.preprocessing, x.view());
          network.predict(x.view(), p.view());
          for (std::size_t i = 0; i < 1400; ++i)
            REQUIRE(probabilities[i] == static_cast<T>(p.data()[i]));
        },
        cpp.network);
  }
}

TEST_CASE("options decide the training, and the same ones give the same model", "[c_api]") {
  const Moons<float> moons;
  const auto probabilities = [&](const lamella_train_options& options) {
    const ModelHandle model = trained(moons, options);
    std::vector<float> p(600);
    REQUIRE(predict(model.get(), moons.x.data(), 300, p.data()) == LAMELLA_OK);
    return p;
  };
  const lamella_train_options options = options_for_moons();
  const std::vector<float> reference = probabilities(options);
  CHECK(probabilities(options) == reference);
  const auto differs = [&](auto change) {
    lamella_train_options changed = options;
    change(changed);
    return probabilities(changed) != reference;
  };
  CHECK(differs([](auto& o) { o.seed = 2; }));
  CHECK(differs([](auto& o) { o.epochs = 29; }));
  CHECK(differs([](auto& o) { o.batch_size = 17; }));
  CHECK(differs([](auto& o) { o.learning_rate = 0.05; }));
  CHECK(differs([](auto& o) { o.momentum = 0.5; }));
  CHECK(differs([](auto& o) { o.nesterov = 1; }));
  CHECK(differs([](auto& o) { o.weight_decay = 0.01; }));
  const auto adam = [](auto& o) {
    o.optimizer = LAMELLA_ADAM;
    o.momentum = 0;
    o.weight_decay = 0.01;
  };
  CHECK(differs(adam));
  CHECK(differs([&](auto& o) {
    adam(o);
    lamella_train_options decoupled = o;
    decoupled.optimizer = LAMELLA_ADAMW;
    CHECK(probabilities(decoupled) != probabilities(o));
  }));
  CHECK(differs([](auto& o) { o.dropout = 0.2; }));
  CHECK(differs([](auto& o) { o.l1 = 0.01; }));
  CHECK(differs([](auto& o) { o.max_norm = 1; }));
  CHECK(differs([](auto& o) { o.input_dropout = 0.2; }));
  static constexpr double kNoDropout[8] = {}, kSomeDropout[8] = {0.25};
  CHECK(!differs([](auto& o) { o.hidden_dropout = kNoDropout; }));
  CHECK(differs([](auto& o) { o.hidden_dropout = kSomeDropout; }));
  CHECK(differs([](auto& o) { o.shuffle = 0; }));
  CHECK(differs([](auto& o) { o.standardize = 0; }));
  CHECK(differs([](auto& o) { o.activation = LAMELLA_TANH; }));
  CHECK(differs([](auto& o) { o.activation = LAMELLA_GELU; }));
  CHECK(differs([](auto& o) { o.hidden_layers = 1; }));
  CHECK(differs([](auto& o) { o.normalization = LAMELLA_BATCH_NORM; }));
  for (const int schedule :
       {LAMELLA_STEP, LAMELLA_EXPONENTIAL, LAMELLA_COSINE, LAMELLA_ONE_CYCLE, LAMELLA_COSINE_LOG})
    CHECK(differs([schedule](auto& o) { o.schedule = schedule; }));
  CHECK(differs([](auto& o) { o.warmup = 2; }));
  CHECK(differs([](auto& o) { o.label_smoothing = 0.1; }));
  CHECK(differs([](auto& o) { o.average = LAMELLA_EMA; }));
  CHECK(differs([](auto& o) { o.average = LAMELLA_SWA; }));
  CHECK(!differs([](auto& o) {  // of the last epoch alone
    o.average = LAMELLA_SWA;
    o.average_from = o.epochs;
  }));
  // Of other points, on which the first epochs of 30 are not the best ones.
  const Moons<float> other(100);
  const auto validated = [&other](auto& o) {
    o.validation_x = other.x.data();
    o.validation_labels = other.labels.data();
    o.validation_samples = other.samples();
  };
  CHECK(!differs(validated));
  CHECK(differs([&](auto& o) {
    validated(o);
    o.min_improvement = 10;  // none but the first epoch is that much better
    o.patience = 1;
  }));
  CHECK(differs([&](auto& o) {
    validated(o);
    o.monitor = LAMELLA_VALIDATION_ACCURACY;
    o.keep_best = 1;  // the first epoch of equally many correct ones
  }));
  CHECK(differs([&](auto& o) {
    validated(o);
    o.schedule = LAMELLA_PLATEAU;
    o.rate_factor = 0.5;
    o.rate_patience = 1;
  }));
  const double halves[] = {0.5, 0.5}, uneven[] = {1, 3};
  const auto class_weights = [](auto& o, const double* weights) {
    o.class_weights = weights;
    o.class_weight_count = 2;
  };
  // All of the same size, which is exact in binary, are no weights.
  CHECK(!differs([&](auto& o) { class_weights(o, halves); }));
  CHECK(differs([&](auto& o) { class_weights(o, uneven); }));
  CHECK(!differs([](auto& o) { o.balanced_classes = 1; }));  // both classes have 150 samples
  std::vector<double> weights(300, 2.0);
  CHECK(!differs([&](auto& o) { o.sample_weights = weights.data(); }));
  weights[7] = 0;
  CHECK(differs([&](auto& o) { o.sample_weights = weights.data(); }));

  lamella_train_options three = options;
  three.classes = 3;
  CHECK(lamella_model_classes(trained(moons, three).get()) == 3);
  // Null options are the defaults.
  lamella_model* model = nullptr;
  REQUIRE(train(moons, nullptr, &model) == LAMELLA_OK);
  CHECK(accuracy(ModelHandle(model).get(), moons) > 0.8);
}

TEST_CASE("a caller that was compiled with a shorter struct gets defaults for the rest",
          "[c_api]") {
  struct Padded {
    lamella_train_options options;
    char after[64];
  } old;
  std::memset(static_cast<void*>(&old), 0x5a, sizeof old);
  const std::size_t shorter = offsetof(lamella_train_options, epochs);
  lamella_train_options_init(&old.options, shorter);
  CHECK(old.options.struct_size == shorter);
  CHECK(reinterpret_cast<const char*>(&old)[shorter] == 0x5a);  // nothing behind it is written
  lamella_model* model = nullptr;
  REQUIRE(train(Moons<float>(), &old.options, &model) == LAMELLA_OK);  // nor read
  lamella_model_destroy(model);
}

TEST_CASE("the callback sees every epoch and can end the training", "[c_api]") {
  const Moons<float> moons;
  std::vector<double> losses;
  lamella_train_options options = options_for_moons();
  options.context = &losses;
  options.on_epoch = [](void* context, const lamella_epoch* epoch) {
    auto& seen = *static_cast<std::vector<double>*>(context);
    seen.push_back(epoch->loss);
    return epoch->epoch == static_cast<ptrdiff_t>(seen.size()) && seen.size() < 20 ? 0 : 1;
  };
  const ModelHandle model = trained(moons, options);
  CHECK(losses.size() == 20);
  CHECK(losses.back() < losses.front());
  CHECK(accuracy(model.get(), moons) > 0.8);
}

/// Trains with a callback that throws in the second epoch; the status.
template <class Exception>
int status_of_throwing(lamella_model*& model) {
  const Moons<float> moons;
  lamella_train_options options = options_for_moons();
  options.on_epoch = [](void*, const lamella_epoch* epoch) -> int {
    if (epoch->epoch == 2) throw Exception();
    return 0;
  };
  return lamella_train_f32(moons.x.data(), moons.labels.data(), moons.samples(), 2, &options,
                           nullptr, &model);
}

TEST_CASE("a callback that throws ends the training with a status, and makes no model", "[c_api]") {
  struct Known : std::runtime_error {
    Known() : std::runtime_error("thrown by the callback") {}
  };
  struct Unknown {};
  lamella_model* model = nullptr;
  CHECK(status_of_throwing<Known>(model) == LAMELLA_ERROR_INTERNAL);
  CHECK(model == nullptr);
  CHECK(lamella_last_error() == std::string("thrown by the callback"));
  CHECK(status_of_throwing<std::bad_alloc>(model) == LAMELLA_ERROR_MEMORY);
  CHECK(model == nullptr);
  CHECK(status_of_throwing<Unknown>(model) == LAMELLA_ERROR_INTERNAL);
  CHECK(model == nullptr);
  CHECK_THAT(lamella_last_error(), ContainsSubstring("unknown type"));
}

TEST_CASE("a backend is chosen by name", "[c_api]") {
  lamella_backend* backend = nullptr;
  REQUIRE(lamella_backend_create("scalar", nullptr, 0, &backend) == LAMELLA_OK);
  const BackendHandle owner(backend);
  CHECK(std::string(lamella_backend_name(backend)) == "scalar");
  CHECK(std::string(lamella_backend_isa(backend)) == "scalar");
  CHECK(lamella_backend_threads(backend) == 1);
  lamella_model* model = nullptr;
  REQUIRE(train(Moons<float>(), nullptr, &model, backend) == LAMELLA_OK);
  lamella_model_destroy(model);

  CHECK(lamella_backend_create("nonsense", nullptr, 0, &backend) == LAMELLA_ERROR_BACKEND);
  CHECK(backend == nullptr);
  CHECK_THAT(lamella_last_error(), ContainsSubstring("known are auto, scalar"));
  CHECK(lamella_backend_create("", nullptr, 0, &backend) == LAMELLA_ERROR_BACKEND);
  CHECK(lamella_backend_create(nullptr, "nonsense", 0, &backend) == LAMELLA_ERROR_BACKEND);
  CHECK(lamella_backend_create(nullptr, nullptr, -1, &backend) == LAMELLA_ERROR_ARGUMENT);
  CHECK(lamella_backend_create(nullptr, nullptr, 0, nullptr) == LAMELLA_ERROR_ARGUMENT);
}

TEST_CASE("bad arguments are refused, and no model is made", "[c_api]") {
  const Moons<float> moons;
  lamella_model* model = nullptr;
  const auto refused = [&](auto change, const char* text) {
    lamella_train_options options = options_for_moons();
    change(options);
    model = reinterpret_cast<lamella_model*>(&model);
    CHECK(train(moons, &options, &model) == LAMELLA_ERROR_ARGUMENT);
    CHECK(model == nullptr);
    CHECK_THAT(lamella_last_error(), ContainsSubstring(text));
  };
  refused([](auto& o) { o.hidden = nullptr; }, "hidden is null");
  refused([](auto& o) { o.hidden_layers = -1; }, "hidden_layers is -1");
  refused([](auto& o) { o.activation = 11; }, "activation is 11; known are 0 to 10");
  refused([](auto& o) { o.precision = 2; }, "precision is 2");
  refused([](auto& o) { o.optimizer = 3; }, "optimizer is 3");
  refused([](auto& o) { o.optimizer = LAMELLA_ADAM; }, "momentum and nesterov are LAMELLA_SGD's");
  refused([](auto& o) { o.classes = -1; }, "classes is -1");
  refused([](auto& o) { o.epochs = 0; }, "epochs is 0");
  refused([](auto& o) { o.batch_size = 0; }, "batch_size is 0");
  refused([](auto& o) { o.learning_rate = 0; }, "learning_rate is 0");
  refused([](auto& o) { o.momentum = 1; }, "momentum is 1");
  refused([](auto& o) { o.dropout = 1; }, "1");
  refused([](auto& o) { o.l1 = -1; }, "l1 is -1");
  refused([](auto& o) { o.max_norm = -1; }, "max_norm is -1");
  refused([](auto& o) { o.input_dropout = 1; }, "dropout probability of inputs is 1");
  refused(
      [](auto& o) {
        static constexpr double kRates[8] = {};
        o.hidden_dropout = kRates;
        o.dropout = 0.5;
      },
      "hidden_dropout is given");
  refused([](auto& o) { o.normalization = 2; }, "normalization is 2; known are 0 to 1");
  refused([](auto& o) { o.normalization = -1; }, "normalization is -1");
  refused([](auto& o) { o.schedule = 7; }, "schedule is 7; known are 0 to 6");
  refused([](auto& o) { o.schedule = LAMELLA_PLATEAU; }, "go by validation data");
  refused([](auto& o) { o.rate_patience = 1; }, "rate_patience is 1");
  refused([](auto& o) { o.schedule = -1; }, "schedule is -1");
  refused([](auto& o) { o.rate_factor = 0.5; },
          "rate_factor is 0.5, but the schedule does not have it");
  refused(
      [](auto& o) {
        o.schedule = LAMELLA_COSINE;
        o.final_rate = 2;
      },
      "CosineSchedule: last is 2");
  refused([](auto& o) { o.warmup = -1; }, "warmup is -1");
  refused([](auto& o) { o.label_smoothing = 1; }, "label_smoothing is 1");
  refused([](auto& o) { o.class_weight_count = 2; }, "class_weights is null");
  refused([](auto& o) { o.class_weight_count = -2; }, "class_weight_count is -2");
  const double some[] = {1, 2, 3};
  refused(
      [&](auto& o) {
        o.class_weights = some;
        o.class_weight_count = 3;
      },
      "3 class weights for 2 classes");
  refused(
      [&](auto& o) {
        o.class_weights = some;
        o.class_weight_count = 2;
        o.balanced_classes = 1;
      },
      "balanced_classes too");
  refused([](auto& o) { o.average = 3; }, "average is 3; known are 0 to 2");
  refused([](auto& o) { o.average_decay = 0.5; }, "average is not LAMELLA_EMA");
  refused([](auto& o) { o.average_from = 2; }, "average is not LAMELLA_SWA");
  refused([](auto& o) { o.patience = 1; }, "go by validation data, and there are none");
  refused([](auto& o) { o.keep_best = 1; }, "go by validation data, and there are none");
  refused([](auto& o) { o.monitor = 2; }, "monitor is 2; known are 0 to 1");
  refused([](auto& o) { o.validation_samples = -1; }, "validation_samples is -1");
  refused([](auto& o) { o.validation_samples = 1; }, "validation_x is null");
  refused(
      [](auto& o) {
        o.average = LAMELLA_EMA;
        o.average_decay = 1;
      },
      "decay is 1");
  refused([](auto& o) { o.struct_size = 0; }, "lamella_train_options_init()");
  refused([](auto& o) { o.struct_size = 1 << 20; }, "lamella_train_options_init()");

  const float x[2] = {};
  const std::int32_t label = 0, negative = -1;
  const auto call = [&](const float* values, const std::int32_t* labels, ptrdiff_t samples,
                        ptrdiff_t inputs, lamella_model** out) {
    return lamella_train_f32(values, labels, samples, inputs, nullptr, nullptr, out);
  };
  CHECK(call(nullptr, &label, 1, 2, &model) == LAMELLA_ERROR_ARGUMENT);
  CHECK_THAT(lamella_last_error(), ContainsSubstring("x is null"));
  CHECK(call(x, nullptr, 1, 2, &model) == LAMELLA_ERROR_ARGUMENT);
  CHECK(call(x, &label, 1, 2, nullptr) == LAMELLA_ERROR_ARGUMENT);
  CHECK(call(x, &label, 0, 2, &model) == LAMELLA_ERROR_ARGUMENT);
  CHECK(call(x, &label, 1, 0, &model) == LAMELLA_ERROR_ARGUMENT);
  CHECK(call(x, &label, -1, -2, &model) == LAMELLA_ERROR_ARGUMENT);
  const ptrdiff_t huge = std::numeric_limits<ptrdiff_t>::max() / 2;
  CHECK(call(x, &label, huge, huge, &model) == LAMELLA_ERROR_ARGUMENT);
  CHECK(call(x, &negative, 1, 2, &model) == LAMELLA_ERROR_DATA);
  CHECK_THAT(lamella_last_error(), ContainsSubstring("label"));

  lamella_train_options diverging = options_for_moons();
  diverging.learning_rate = 1e30;
  CHECK(train(moons, &diverging, &model) == LAMELLA_ERROR_TRAINING);
  CHECK(model == nullptr);
}

TEST_CASE("labels from which nothing can be learnt are refused unless classes are given",
          "[c_api]") {
  const std::vector<float> x{1, 2, 3};
  lamella_train_options options;
  lamella_train_options_init(&options, sizeof options);
  lamella_model* model = nullptr;
  const auto status = [&](const std::vector<std::int32_t>& labels) {
    return lamella_train_f32(x.data(), labels.data(), 3, 1, &options, nullptr, &model);
  };
  for (const std::vector<std::int32_t>& one : {std::vector{0, 0, 0}, std::vector{1, 1, 1}}) {
    options.classes = 0;
    CHECK(status(one) == LAMELLA_ERROR_DATA);
    CHECK_THAT(lamella_last_error(), ContainsSubstring("nothing to tell apart"));
    CHECK(model == nullptr);
    options.classes = 2;
    CHECK(status(one) == LAMELLA_OK);
    ModelHandle(std::exchange(model, nullptr));
  }
  options.classes = 0;
  CHECK(status({90001, 90210, 99950}) == LAMELLA_ERROR_DATA);
  CHECK_THAT(lamella_last_error(), ContainsSubstring("99951 classes of 3 samples"));
}

TEST_CASE("a constant of doubles does not drown the other features", "[c_api]") {
  // 36.6 summed up 100000 times is not 100000 * 36.6, which was taken for a deviation.
  constexpr ptrdiff_t kSamples = 100'000;
  std::vector<double> x;
  std::vector<std::int32_t> labels;
  for (ptrdiff_t i = 0; i < kSamples; ++i) {
    const std::int32_t label = i * i % 7 < 3 ? 1 : 0;
    x.insert(x.end(), {36.6, label == 1 ? 1.0 : -1.0});
    labels.push_back(label);
  }
  lamella_train_options options;
  lamella_train_options_init(&options, sizeof options);
  options.epochs = 1;
  lamella_model* made = nullptr;
  REQUIRE(lamella_train_f64(x.data(), labels.data(), kSamples, 2, &options, nullptr, &made) ==
          LAMELLA_OK);
  const ModelHandle model(made);
  const double one = 36.6000001;  // a rounding error elsewhere
  const double points[] = {one, 1.0, one, -1.0};
  double p[4];
  REQUIRE(lamella_model_predict_f64(model.get(), points, 2, p) == LAMELLA_OK);
  CHECK(p[1] > 0.9);
  CHECK(p[2] > 0.9);
}

TEST_CASE("bad predictions are refused, and null handles are harmless", "[c_api]") {
  const Moons<float> moons;
  const ModelHandle model = trained(moons, options_for_moons());
  float p[2] = {7, 7};
  const float* x = moons.x.data();
  CHECK(predict(nullptr, x, 1, p) == LAMELLA_ERROR_ARGUMENT);
  CHECK_THAT(lamella_last_error(), ContainsSubstring("lamella_model_predict_f32: model is null"));
  CHECK(predict(model.get(), static_cast<const float*>(nullptr), 1, p) == LAMELLA_ERROR_ARGUMENT);
  CHECK(predict(model.get(), x, 1, static_cast<float*>(nullptr)) == LAMELLA_ERROR_ARGUMENT);
  CHECK(predict(model.get(), x, -1, p) == LAMELLA_ERROR_ARGUMENT);
  CHECK(predict(model.get(), x, std::numeric_limits<ptrdiff_t>::max(), p) ==
        LAMELLA_ERROR_ARGUMENT);
  std::vector<float> shared(moons.x);
  CHECK(predict(model.get(), shared.data(), 2, shared.data() + 3) == LAMELLA_ERROR_ARGUMENT);
  CHECK_THAT(lamella_last_error(), ContainsSubstring("overlaps"));
  CHECK(shared == moons.x);
  CHECK(p[0] == 7);
  CHECK(predict(model.get(), static_cast<const float*>(nullptr), 0, static_cast<float*>(nullptr)) ==
        LAMELLA_OK);
  const float nan[2] = {std::numeric_limits<float>::quiet_NaN(), 0};
  CHECK(predict(model.get(), nan, 1, p) == LAMELLA_OK);
  CHECK(std::isnan(p[0]));

  lamella_model_destroy(nullptr);
  lamella_backend_destroy(nullptr);
  lamella_train_options_init(nullptr, 0);
  CHECK(lamella_model_inputs(nullptr) == 0);
  CHECK(lamella_model_classes(nullptr) == 0);
  CHECK(lamella_model_class_name(nullptr, 0) == nullptr);
  CHECK(lamella_model_class_name(model.get(), -1) == nullptr);
  CHECK(lamella_model_class_name(model.get(), 2) == nullptr);
  CHECK(lamella_backend_name(nullptr) == nullptr);
  CHECK(lamella_backend_isa(nullptr) == nullptr);
  CHECK(lamella_backend_threads(nullptr) == 0);
}

TEST_CASE("bad files are refused with path and reason", "[c_api]") {
  const ScratchDirectory directory;
  lamella_model* model = nullptr;
  CHECK(lamella_model_load("/no/such/model", nullptr, &model) == LAMELLA_ERROR_IO);
  CHECK_THAT(lamella_last_error(), ContainsSubstring("/no/such/model"));
  directory.write("text", "this is no model");
  const std::string path = directory.path() / "text";
  CHECK(lamella_model_load(path.c_str(), nullptr, &model) == LAMELLA_ERROR_DATA);
  CHECK_THAT(lamella_last_error(), ContainsSubstring(path));
  CHECK(model == nullptr);
  CHECK(lamella_model_load(nullptr, nullptr, &model) == LAMELLA_ERROR_ARGUMENT);
  CHECK(lamella_model_load(path.c_str(), nullptr, nullptr) == LAMELLA_ERROR_ARGUMENT);
  const ModelHandle good = trained(Moons<float>(), options_for_moons());
  CHECK(lamella_model_save(good.get(), "/no/such/directory/model") == LAMELLA_ERROR_IO);
  CHECK(lamella_model_save(good.get(), nullptr) == LAMELLA_ERROR_ARGUMENT);
  CHECK(lamella_model_save(nullptr, path.c_str()) == LAMELLA_ERROR_ARGUMENT);
}

TEST_CASE("many threads predict on one model; each has its own last error", "[c_api]") {
  const Moons<float> moons(600);
  const ModelHandle model = trained(moons, options_for_moons());
  std::vector<float> expected(1200);
  REQUIRE(predict(model.get(), moons.x.data(), 600, expected.data()) == LAMELLA_OK);
  CHECK(lamella_model_load("/no/such/main", nullptr, nullptr) == LAMELLA_ERROR_ARGUMENT);
  const std::string mine = lamella_last_error();

  constexpr int kThreads = 8, kRounds = 40;
  std::vector<int> faults(kThreads, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      int& fault = faults[static_cast<std::size_t>(t)];
      fault += *lamella_last_error() != '\0';  // nothing has failed in this thread yet
      std::vector<float> p(1200);
      for (int round = 0; round < kRounds; ++round) {
        std::fill(p.begin(), p.end(), -1.0f);
        fault += predict(model.get(), moons.x.data(), 600, p.data()) != LAMELLA_OK;
        fault += p != expected;
        const std::string path = "/no/such/" + std::to_string(t);
        lamella_model* none = nullptr;
        fault += lamella_model_load(path.c_str(), nullptr, &none) != LAMELLA_ERROR_IO;
        fault += std::string(lamella_last_error()).find(path) == std::string::npos;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(faults == std::vector<int>(kThreads, 0));
  CHECK(lamella_last_error() == mine);
}

}  // namespace lamella::test
