// Soak: the C interface trains, stops when a callback says so, saves, loads and reports mistakes.
#include <cstring>
#include <memory>

#include <lamella/lamella.h>

#include "tests/soak/operations.h"

namespace lamella::soak {
namespace {

struct Destroy {
  void operator()(lamella_backend* backend) const { lamella_backend_destroy(backend); }
  void operator()(lamella_model* model) const { lamella_model_destroy(model); }
};
using BackendHandle = std::unique_ptr<lamella_backend, Destroy>;
using ModelHandle = std::unique_ptr<lamella_model, Destroy>;

void succeed(int status, const char* what) {
  require(status == LAMELLA_OK, std::string(what) + ": " + lamella_last_error());
}

struct Stop {
  std::ptrdiff_t after;
  std::ptrdiff_t epochs = 0;
};
int on_epoch(void* context, const lamella_epoch* epoch) {
  auto* const stop = static_cast<Stop*>(context);
  stop->epochs = epoch->epoch;
  return epoch->epoch == stop->after ? 1 : 0;
}

BackendHandle backend(Random& random) {
  std::vector<std::string> names = vector_backends();
  names.emplace_back("scalar");
  lamella_backend* made = nullptr;
  succeed(lamella_backend_create(pick(random, names).c_str(), nullptr,
                                 static_cast<int>(uniform_int(random, 0, 3)), &made),
          "lamella_backend_create");
  return BackendHandle(made);
}

void trains_and_predicts(Context& context) {
  Random& random = context.random;
  const std::ptrdiff_t samples = uniform_int(random, 30, 200), inputs = uniform_int(random, 1, 20);
  std::vector<float> x(static_cast<std::size_t>(samples * inputs));
  for (float& value : x) value = static_cast<float>(uniform(random, -1, 1));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(samples));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 3);
  const std::ptrdiff_t hidden[] = {uniform_int(random, 1, 100)};
  Stop stop{uniform_int(random, 1, 4)};
  lamella_train_options options;
  lamella_train_options_init(&options, sizeof options);
  options.hidden = hidden;
  options.hidden_layers = uniform_int(random, 0, 1);
  options.epochs = 3;
  options.batch_size = uniform_int(random, 1, 64);
  options.learning_rate = 0.01;
  options.on_epoch = on_epoch;
  options.context = &stop;
  BackendHandle handle = backend(random);
  lamella_model* trained = nullptr;
  succeed(
      lamella_train_f32(x.data(), labels.data(), samples, inputs, &options, handle.get(), &trained),
      "lamella_train_f32");
  const ModelHandle model(trained);
  require(stop.epochs == std::min<std::ptrdiff_t>(stop.after, 3), "a callback did not stop it");

  const std::string path = context.directory / "model.safetensors";
  succeed(lamella_model_save(model.get(), path.c_str()), "lamella_model_save");
  lamella_model* again = nullptr;
  succeed(lamella_model_load(path.c_str(), handle.get(), &again), "lamella_model_load");
  const ModelHandle loaded(again);
  handle.reset();  // models keep what they need of it
  require(lamella_model_inputs(loaded.get()) == inputs, "a loaded model has other inputs");
  const auto classes = lamella_model_classes(loaded.get());
  std::vector<float> p(static_cast<std::size_t>(samples * classes)), q(p);
  succeed(lamella_model_predict_f32(model.get(), x.data(), samples, p.data()), "predict");
  succeed(lamella_model_predict_f32(loaded.get(), x.data(), samples, q.data()), "predict");
  require(std::memcmp(p.data(), q.data(), p.size() * sizeof(float)) == 0,
          "a loaded model predicts other bits");
}

void mistakes(Context& context) {
  Random& random = context.random;
  lamella_model* model = nullptr;
  const float x[] = {1, 2};
  const std::int32_t labels[] = {0, 1};
  int status = LAMELLA_OK;
  switch (uniform_int(random, 0, 3)) {
    case 0:
      status = lamella_model_load("/no-such-directory/model", nullptr, &model);
      require(status == LAMELLA_ERROR_IO, "a file that is not there");
      break;
    case 1:
      status = lamella_train_f32(nullptr, labels, 2, 1, nullptr, nullptr, &model);
      require(status == LAMELLA_ERROR_ARGUMENT, "a null pointer");
      break;
    case 2:
      status = lamella_train_f32(x, labels, -1, 1, nullptr, nullptr, &model);
      require(status == LAMELLA_ERROR_ARGUMENT, "a negative size");
      break;
    default:
      lamella_backend* backend = nullptr;
      status = lamella_backend_create("no-such-backend", nullptr, 0, &backend);
      require(status == LAMELLA_ERROR_BACKEND && backend == nullptr, "an unknown backend");
  }
  require(model == nullptr && *lamella_last_error() != '\0', "an error without a message");
}

}  // namespace

std::vector<Operation> c_api_operations() {
  return {{"c_api", trains_and_predicts}, {"c_api_mistakes", mistakes}};
}

}  // namespace lamella::soak
