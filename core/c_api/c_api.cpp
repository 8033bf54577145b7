// The C interface: opaque handles around the C++ objects, exceptions turned into a status and a
// text.
#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/chunks.h>
#include <lamella/dataset.h>
#include <lamella/error.h>
#include <lamella/lamella.h>
#include <lamella/matrix.h>
#include <lamella/model_file.h>
#include <lamella/trainer.h>
#include <lamella/version.h>

#include "core/base/format.h"
#include "core/c_api/last_error.h"

using lamella::ArgumentError;
using lamella::index_t;
using lamella::detail::formatted;

struct lamella_backend {
  std::shared_ptr<const lamella::Backend> backend;
};

struct lamella_model {
  lamella::Model model;

  const lamella::NetworkSpec& spec() const {
    return std::visit(
        [](const auto& network) -> const lamella::NetworkSpec& { return network.spec(); },
        model.network);
  }
};

namespace {

// Allocates nothing: it is called in handlers, and memory may have run out.
int fail(lamella_status status, std::string_view text) noexcept {
  lamella::detail::set_last_error(text);
  return status;
}

/// Runs body() and turns what it throws into a status.
template <class Body>
int guarded(Body body) noexcept {
  try {
    body();
    return LAMELLA_OK;
  } catch (const lamella::ArgumentError& error) {
    return fail(LAMELLA_ERROR_ARGUMENT, error.what());
  } catch (const lamella::DataError& error) {
    return fail(LAMELLA_ERROR_DATA, error.what());
  } catch (const lamella::IoError& error) {
    return fail(LAMELLA_ERROR_IO, error.what());
  } catch (const lamella::BackendError& error) {
    return fail(LAMELLA_ERROR_BACKEND, error.what());
  } catch (const lamella::TrainingError& error) {
    return fail(LAMELLA_ERROR_TRAINING, error.what());
  } catch (const std::bad_alloc&) {
    return fail(LAMELLA_ERROR_MEMORY, "memory ran out");
  } catch (const std::exception& error) {
    return fail(LAMELLA_ERROR_INTERNAL, error.what());
  } catch (...) {
    return fail(LAMELLA_ERROR_INTERNAL, "an exception of an unknown type");
  }
}

void need(const void* pointer, const char* where, const char* name) {
  if (pointer == nullptr) throw ArgumentError(formatted("{}: {} is null", where, name));
}

std::shared_ptr<const lamella::Backend> backend_or_default(const lamella_backend* backend) {
  return backend != nullptr ? backend->backend : lamella::make_backend();
}

/// rows * cols; throws if one is negative or the elements would not fit into the address space.
std::size_t elements(const char* where, index_t rows, index_t cols, std::size_t element_size) {
  const auto most = std::numeric_limits<index_t>::max() / static_cast<index_t>(element_size);
  if (rows < 0 || cols < 0 || (cols > 0 && rows > most / cols))
    throw ArgumentError(formatted(
        "{}: {} x {} values; sizes must not be negative nor exceed memory", where, rows, cols));
  return static_cast<std::size_t>(rows * cols);
}

// Prediction.

/// Class probabilities of `samples` samples at x. T is the network's type, U the caller's.
template <class T, class U>
void predict_samples(const lamella::Network<T>& network,
                     const lamella::Preprocessing& preprocessing, const U* x, index_t samples,
                     U* probabilities) {
  const index_t inputs = network.spec().inputs, classes = network.spec().classes;
  const index_t most = std::min(samples, lamella::kChunkSamples);
  lamella::Matrix<T> prepared(most, inputs);
  lamella::Matrix<T> result(std::is_same_v<T, U> ? 0 : most, classes);
  lamella::for_each_chunk(samples, [&](index_t first, index_t n) {
    const lamella::View<T> in = lamella::block(prepared.view(), 0, 0, n, inputs);
    lamella::apply_preprocessing(lamella::row_major(x + first * inputs, n, inputs), preprocessing,
                                 in);
    U* const out = probabilities + first * classes;
    if constexpr (std::is_same_v<T, U>) {
      network.predict(in, lamella::row_major(out, n, classes));
    } else {
      network.predict(in, lamella::block(result.view(), 0, 0, n, classes));
      std::transform(result.data(), result.data() + n * classes, out,
                     [](T value) { return static_cast<U>(value); });
    }
  });
}

template <class U>
int predict(const char* where, const lamella_model* model, const U* x, ptrdiff_t samples,
            U* probabilities) {
  return guarded([&] {
    need(model, where, "model");
    const index_t inputs = model->spec().inputs, classes = model->spec().classes;
    const std::size_t read = elements(where, samples, inputs, sizeof(U));
    const std::size_t written = elements(where, samples, classes, sizeof(U));
    if (samples == 0) return;
    need(x, where, "x");
    need(probabilities, where, "probabilities");
    const std::less<const U*> before;  // of pointers into different arrays, too
    if (before(x, probabilities + written) && before(probabilities, x + read))
      throw ArgumentError(formatted("{}: probabilities overlaps x", where));

    std::visit(
        [&](const auto& network) {
          predict_samples(network, model->model.info.preprocessing, x, samples, probabilities);
        },
        model->model.network);
  });
}

// Training.

lamella_train_options default_options() {
  const lamella::TrainOptions defaults;
  lamella_train_options options = {};
  options.struct_size = sizeof options;
  options.activation = LAMELLA_RELU;
  options.precision = LAMELLA_F32;
  options.standardize = 1;
  options.shuffle = defaults.shuffle;
  options.epochs = defaults.epochs;
  options.batch_size = defaults.batch_size;
  options.optimizer = LAMELLA_SGD;
  options.learning_rate = learning_rate(defaults.optimizer);
  options.seed = defaults.seed;
  return options;
}

/// The caller's options; members that its version of the struct lacks have their defaults.
lamella_train_options complete(const char* where, const lamella_train_options* given) {
  lamella_train_options options = default_options();
  if (given == nullptr) return options;
  if (given->struct_size < sizeof given->struct_size || given->struct_size > 4096)
    throw ArgumentError(
        formatted("{}: options were not filled by lamella_train_options_init()", where));
  std::memcpy(&options, given, std::min(sizeof options, given->struct_size));
  return options;
}

lamella::NetworkSpec spec_of(const char* where, const lamella_train_options& options,
                             const lamella::Dataset& data) {
  if (options.hidden_layers < 0)
    throw ArgumentError(formatted("{}: hidden_layers is {}; it must not be negative", where,
                                  options.hidden_layers));
  if (options.hidden_layers > 0) need(options.hidden, where, "hidden");
  if (options.activation < LAMELLA_IDENTITY || options.activation > LAMELLA_SOFTPLUS)
    throw ArgumentError(formatted("{}: activation is {}; known are {} to {}", where,
                                  options.activation, int{LAMELLA_IDENTITY},
                                  int{LAMELLA_SOFTPLUS}));
  if (options.normalization < LAMELLA_NO_NORMALIZATION ||
      options.normalization > LAMELLA_BATCH_NORM)
    throw ArgumentError(formatted("{}: normalization is {}; known are {} to {}", where,
                                  options.normalization, int{LAMELLA_NO_NORMALIZATION},
                                  int{LAMELLA_BATCH_NORM}));
  if (options.initialization < LAMELLA_INITIALIZE_BY_ACTIVATION ||
      options.initialization > LAMELLA_INITIALIZE_SCIKIT_LEARN)
    throw ArgumentError(formatted("{}: initialization is {}; known are {} to {}", where,
                                  options.initialization, int{LAMELLA_INITIALIZE_BY_ACTIVATION},
                                  int{LAMELLA_INITIALIZE_SCIKIT_LEARN}));
  lamella::NetworkSpec spec;
  spec.inputs = data.features();
  spec.hidden.assign(options.hidden, options.hidden + options.hidden_layers);
  spec.classes = data.classes();
  spec.activation.kind = static_cast<lamella::ActivationKind>(options.activation);
  spec.normalization = static_cast<lamella::Normalization>(options.normalization);
  return spec;
}

lamella::Optimizer optimizer_of(const lamella_train_options& options) {
  if (options.optimizer == LAMELLA_SGD)
    return lamella::SgdOptions{options.learning_rate, options.momentum, options.weight_decay,
                               options.nesterov != 0};
  lamella::AdamOptions adam;
  adam.learning_rate = options.learning_rate;
  adam.weight_decay = options.weight_decay;
  adam.decoupled_decay = options.optimizer == LAMELLA_ADAMW;
  return adam;
}

lamella::Schedule schedule_of(const char* where, const lamella_train_options& options) {
  const int kind = options.schedule;
  const auto chosen = [where](double given, double otherwise, const char* name, bool has_it) {
    if (given != 0 && !has_it)
      throw ArgumentError(
          formatted("{}: {} is {}, but the schedule does not have it", where, name, given));
    return given != 0 ? given : otherwise;
  };
  const bool is_step = kind == LAMELLA_STEP, is_one_cycle = kind == LAMELLA_ONE_CYCLE;
  const bool is_plateau = kind == LAMELLA_PLATEAU;
  const double factor = chosen(options.rate_factor,
                               is_step      ? lamella::StepSchedule{}.factor
                               : is_plateau ? lamella::PlateauSchedule{}.factor
                                            : lamella::ExponentialSchedule{}.factor,
                               "rate_factor", is_step || is_plateau || kind == LAMELLA_EXPONENTIAL);
  const double every =
      chosen(options.rate_every, lamella::StepSchedule{}.every, "rate_every", is_step);
  const double last =
      chosen(options.final_rate,
             is_one_cycle ? lamella::OneCycleSchedule{}.last : lamella::CosineSchedule{}.last,
             "final_rate", is_one_cycle || is_plateau || kind == LAMELLA_COSINE);
  const double cycles = chosen(options.rate_cycles, lamella::CosineLogSchedule{}.cycles,
                               "rate_cycles", kind == LAMELLA_COSINE_LOG);
  if (options.rate_patience < 0 || (options.rate_patience > 0 && !is_plateau))
    throw ArgumentError(
        formatted("{}: rate_patience is {}; it must not be negative, and 0 unless "
                  "schedule is LAMELLA_PLATEAU",
                  where, options.rate_patience));
  switch (kind) {
    case LAMELLA_CONSTANT:
      return {lamella::ConstantSchedule{}, options.warmup};
    case LAMELLA_STEP:
      return {lamella::StepSchedule{factor, every}, options.warmup};
    case LAMELLA_EXPONENTIAL:
      return {lamella::ExponentialSchedule{factor}, options.warmup};
    case LAMELLA_COSINE:
      return {lamella::CosineSchedule{last}, options.warmup};
    case LAMELLA_ONE_CYCLE: {
      lamella::OneCycleSchedule one_cycle;
      one_cycle.last = last;
      return {one_cycle, options.warmup};
    }
    case LAMELLA_COSINE_LOG:
      return {lamella::CosineLogSchedule{static_cast<int>(cycles)}, options.warmup};
    case LAMELLA_PLATEAU: {
      lamella::PlateauSchedule plateau;
      plateau.factor = factor;
      plateau.last = last;
      if (options.rate_patience > 0) plateau.patience = options.rate_patience;
      return {plateau, options.warmup};
    }
    default:
      throw ArgumentError(formatted("{}: schedule is {}; known are {} to {}", where, kind,
                                    int{LAMELLA_CONSTANT}, int{LAMELLA_PLATEAU}));
  }
}

std::vector<double> class_weights_of(const char* where, const lamella_train_options& options,
                                     const lamella::Dataset& data) {
  if (options.class_weight_count < 0)
    throw ArgumentError(formatted("{}: class_weight_count is {}; it must not be negative", where,
                                  options.class_weight_count));
  if (options.class_weight_count > 0) need(options.class_weights, where, "class_weights");
  if (options.balanced_classes == 0) {
    if (options.class_weights == nullptr) return {};
    return {options.class_weights, options.class_weights + options.class_weight_count};
  }
  if (options.class_weights != nullptr)
    throw ArgumentError(formatted("{}: class_weights are given, and balanced_classes too", where));
  return lamella::balanced_class_weights(data.labels(), data.classes());
}

std::optional<lamella::Averaging> averaging_of(const char* where,
                                               const lamella_train_options& options) {
  if (options.average < LAMELLA_LAST_WEIGHTS || options.average > LAMELLA_SWA)
    throw ArgumentError(formatted("{}: average is {}; known are {} to {}", where, options.average,
                                  int{LAMELLA_LAST_WEIGHTS}, int{LAMELLA_SWA}));
  if (options.average_decay != 0 && options.average != LAMELLA_EMA)
    throw ArgumentError(formatted("{}: average_decay is {}, but average is not LAMELLA_EMA", where,
                                  options.average_decay));
  if (options.average_from != 0 && options.average != LAMELLA_SWA)
    throw ArgumentError(formatted("{}: average_from is {}, but average is not LAMELLA_SWA", where,
                                  options.average_from));
  if (options.average == LAMELLA_EMA) {
    lamella::ExponentialAverage moving;
    if (options.average_decay != 0) moving.decay = options.average_decay;
    return moving;
  }
  if (options.average == LAMELLA_SWA)
    return lamella::EpochAverage{options.average_from != 0 ? options.average_from : 1};
  return std::nullopt;
}

/// Thrown by the epoch callback when the caller's asks for the end.
struct EndOfTraining {};

template <class T>
lamella::Network<T> trained(const char* where, const lamella::NetworkSpec& spec,
                            std::shared_ptr<const lamella::Backend> backend,
                            const lamella::TrainData& data,
                            const lamella::Preprocessing& preprocessing,
                            const lamella_train_options& given) {
  lamella::TrainOptions options;
  options.epochs = given.epochs;
  options.batch_size = given.batch_size;
  options.optimizer = optimizer_of(given);
  options.schedule = schedule_of(where, given);
  options.loss.label_smoothing = given.label_smoothing;
  options.class_weights = class_weights_of(where, given, data.training);
  options.dropout = given.dropout;
  options.regularization = {given.l1, given.max_norm};
  if (given.hidden_dropout != nullptr) {
    if (given.dropout != 0)
      throw ArgumentError(
          formatted("{}: hidden_dropout is given, and dropout, {}, too", where, given.dropout));
    options.hidden_dropout.assign(given.hidden_dropout, given.hidden_dropout + spec.hidden.size());
  }
  options.input_dropout = given.input_dropout;
  options.seed = given.seed;
  options.shuffle = given.shuffle != 0;
  if (given.monitor < LAMELLA_VALIDATION_LOSS || given.monitor > LAMELLA_VALIDATION_ACCURACY)
    throw ArgumentError(formatted("{}: monitor is {}; known are {} to {}", where, given.monitor,
                                  int{LAMELLA_VALIDATION_LOSS}, int{LAMELLA_VALIDATION_ACCURACY}));
  options.monitor = static_cast<lamella::Monitor>(given.monitor);
  options.early_stopping = {given.patience, given.min_improvement};
  if (given.keep_best != 0) options.keep = lamella::KeptWeights::best;
  lamella::TrainCallbacks callbacks;
  if (given.on_epoch != nullptr)
    callbacks.on_epoch = [&given](const lamella::EpochReport& report) {
      const lamella_epoch epoch = {report.epoch, report.train_loss, report.train_accuracy};
      if (given.on_epoch(given.context, &epoch) != 0) throw EndOfTraining{};
    };
  lamella::Network<T> network(spec, backend, given.seed,
                              static_cast<lamella::Initialization>(given.initialization));
  lamella::RunState<T> state;
  if (const auto averaging = averaging_of(where, given))
    state.average.emplace(network, std::move(backend), *averaging);
  try {
    lamella::train(network, state, data, preprocessing, options, callbacks);
  } catch (const EndOfTraining&) {
  }
  if (state.best_weights && state.best.epoch > 0) return std::move(*state.best_weights);
  if (state.average && state.average->has_begun()) return std::move(state.average->network());
  return network;
}

/// The validation data of the options; empty if there are none.
template <class U>
std::optional<lamella::Dataset> validation_of(const char* where, ptrdiff_t inputs,
                                              const lamella_train_options& options,
                                              std::vector<std::string> class_names) {
  if (options.validation_samples < 0)
    throw ArgumentError(formatted("{}: validation_samples is {}; it must not be negative", where,
                                  options.validation_samples));
  if (options.validation_samples == 0) return std::nullopt;
  need(options.validation_x, where, "validation_x");
  need(options.validation_labels, where, "validation_labels");
  const std::size_t values = elements(where, options.validation_samples, inputs, sizeof(U));
  const auto* const x = static_cast<const U*>(options.validation_x);
  const std::int32_t* const labels = options.validation_labels;
  return lamella::Dataset(std::vector<U>(x, x + values), {inputs},
                          std::vector<std::int32_t>(labels, labels + options.validation_samples),
                          std::move(class_names));
}

template <class U>
int train(const char* where, const U* x, const int32_t* labels, ptrdiff_t samples, ptrdiff_t inputs,
          const lamella_train_options* given, const lamella_backend* backend,
          lamella_model** model) {
  if (model != nullptr) *model = nullptr;
  return guarded([&] {
    need(model, where, "model");
    const lamella_train_options options = complete(where, given);
    if (samples < 1 || inputs < 1)
      throw ArgumentError(formatted("{}: {} samples of {} features; at least one of each is needed",
                                    where, samples, inputs));
    const std::size_t values = elements(where, samples, inputs, sizeof(U));
    need(x, where, "x");
    need(labels, where, "labels");
    constexpr ptrdiff_t kMostClasses = 1 << 20;  // Dataset's limit
    if (options.classes < 0 || options.classes > kMostClasses)
      throw ArgumentError(formatted("{}: classes is {}; it must be in [0, {}]", where,
                                    options.classes, kMostClasses));
    if (options.precision != LAMELLA_F32 && options.precision != LAMELLA_F64)
      throw ArgumentError(formatted("{}: precision is {}; LAMELLA_F32 and LAMELLA_F64 are known",
                                    where, options.precision));
    if (options.optimizer < LAMELLA_SGD || options.optimizer > LAMELLA_ADAMW)
      throw ArgumentError(formatted("{}: optimizer is {}; known are {} to {}", where,
                                    options.optimizer, int{LAMELLA_SGD}, int{LAMELLA_ADAMW}));
    if (options.optimizer != LAMELLA_SGD && (options.momentum != 0 || options.nesterov != 0))
      throw ArgumentError(
          formatted("{}: momentum and nesterov are LAMELLA_SGD's; Adam has moments "
                    "of its own",
                    where));
    std::vector<std::string> names;
    for (ptrdiff_t k = 0; k < options.classes; ++k) names.push_back(std::to_string(k));
    std::vector<double> weights;
    if (options.sample_weights != nullptr)
      weights.assign(options.sample_weights, options.sample_weights + samples);
    const lamella::Dataset data =
        lamella::Dataset(std::vector<U>(x, x + values), {inputs},
                         std::vector<std::int32_t>(labels, labels + samples), std::move(names))
            .with_weights(std::move(weights));
    const auto same = [labels](std::int32_t label) { return label == labels[0]; };
    if (options.classes == 0 && std::ranges::all_of(data.labels(), same))
      throw lamella::DataError(
          formatted("{}: all {} labels are {}, so there is nothing to tell apart; set `classes` if "
                    "that is right",
                    where, samples, labels[0]));
    const lamella::Preprocessing preprocessing =
        options.standardize != 0 ? lamella::suggest_preprocessing(data) : lamella::Preprocessing{};
    const lamella::NetworkSpec spec = spec_of(where, options, data);
    const auto validation = validation_of<U>(where, inputs, options, data.class_names());
    const lamella::TrainData all{data, validation ? &*validation : nullptr};
    auto chosen = backend_or_default(backend);
    lamella::ModelInfo info{data.class_names(), data.sample_shape(), preprocessing};
    if (options.precision == LAMELLA_F32)
      *model = new lamella_model{
          {trained<float>(where, spec, std::move(chosen), all, preprocessing, options),
           std::move(info)}};
    else
      *model = new lamella_model{
          {trained<double>(where, spec, std::move(chosen), all, preprocessing, options),
           std::move(info)}};
  });
}

}  // namespace

const char* lamella_version(void) { return lamella::version(); }

const char* lamella_last_error(void) { return lamella::detail::last_error(); }

int lamella_backend_create(const char* name, const char* isa, int threads,
                           lamella_backend** backend) {
  if (backend != nullptr) *backend = nullptr;
  return guarded([&] {
    need(backend, "lamella_backend_create", "backend");
    // An empty name is a mistake here; to make_backend() it would be none.
    for (const char* given : {name, isa})
      if (given != nullptr && *given == '\0')
        throw lamella::BackendError(
            "lamella_backend_create: a name is empty; null leaves the choice to the environment");
    if (threads < 0)
      throw ArgumentError(
          formatted("lamella_backend_create: threads is {}; it must not be negative", threads));
    *backend = new lamella_backend{
        lamella::make_backend({name != nullptr ? name : "", isa != nullptr ? isa : "", threads})};
  });
}

void lamella_backend_destroy(lamella_backend* backend) { delete backend; }

const char* lamella_backend_name(const lamella_backend* backend) {
  return backend == nullptr ? nullptr : backend->backend->info().name.c_str();
}

const char* lamella_backend_isa(const lamella_backend* backend) {
  return backend == nullptr ? nullptr : backend->backend->info().isa.c_str();
}

int lamella_backend_threads(const lamella_backend* backend) {
  return backend == nullptr ? 0 : backend->backend->info().threads;
}

int lamella_model_load(const char* path, const lamella_backend* backend, lamella_model** model) {
  if (model != nullptr) *model = nullptr;
  return guarded([&] {
    need(model, "lamella_model_load", "model");
    need(path, "lamella_model_load", "path");
    *model = new lamella_model{lamella::load_model(path, backend_or_default(backend))};
  });
}

int lamella_model_save(const lamella_model* model, const char* path) {
  return guarded([&] {
    need(model, "lamella_model_save", "model");
    need(path, "lamella_model_save", "path");
    std::visit([&](const auto& network) { save_model(path, network, model->model.info); },
               model->model.network);
  });
}

void lamella_model_destroy(lamella_model* model) { delete model; }

ptrdiff_t lamella_model_inputs(const lamella_model* model) {
  return model == nullptr ? 0 : model->spec().inputs;
}

ptrdiff_t lamella_model_classes(const lamella_model* model) {
  return model == nullptr ? 0 : model->spec().classes;
}

const char* lamella_model_class_name(const lamella_model* model, ptrdiff_t k) {
  if (model == nullptr || k < 0 || k >= model->spec().classes) return nullptr;
  return model->model.info.class_names[static_cast<std::size_t>(k)].c_str();
}

int lamella_model_predict_f32(const lamella_model* model, const float* x, ptrdiff_t samples,
                              float* probabilities) {
  return predict("lamella_model_predict_f32", model, x, samples, probabilities);
}

int lamella_model_predict_f64(const lamella_model* model, const double* x, ptrdiff_t samples,
                              double* probabilities) {
  return predict("lamella_model_predict_f64", model, x, samples, probabilities);
}

void lamella_train_options_init(lamella_train_options* options, size_t size) {
  if (options == nullptr) return;
  lamella_train_options defaults = default_options();
  defaults.struct_size = std::min(size, sizeof defaults);
  std::memcpy(options, &defaults, defaults.struct_size);
}

int lamella_train_f32(const float* x, const int32_t* labels, ptrdiff_t samples, ptrdiff_t inputs,
                      const lamella_train_options* options, const lamella_backend* backend,
                      lamella_model** model) {
  return train("lamella_train_f32", x, labels, samples, inputs, options, backend, model);
}

int lamella_train_f64(const double* x, const int32_t* labels, ptrdiff_t samples, ptrdiff_t inputs,
                      const lamella_train_options* options, const lamella_backend* backend,
                      lamella_model** model) {
  return train("lamella_train_f64", x, labels, samples, inputs, options, backend, model);
}
