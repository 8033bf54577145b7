// Fuzz target: the input is a model file for the C API. What loads predicts, saves and loads again.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <lamella/lamella.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/safetensors_input.h"
#include "tests/scratch_directory.h"

using namespace lamella;

namespace {

struct Destroy {
  void operator()(lamella_model* model) const { lamella_model_destroy(model); }
};
using Model = std::unique_ptr<lamella_model, Destroy>;

lamella_backend* backend() {
  static lamella_backend* const simd = [] {
    lamella_backend* made = nullptr;
    fuzz::require(lamella_backend_create("simd", nullptr, 0, &made) == LAMELLA_OK, "no backend");
    return made;
  }();
  return simd;
}

Model load(const std::string& path) {
  lamella_model* model = nullptr;
  const int status = lamella_model_load(path.c_str(), backend(), &model);
  fuzz::require((status == LAMELLA_OK) == (model != nullptr), "status and model disagree");
  fuzz::require(status == LAMELLA_OK || status == LAMELLA_ERROR_DATA,
                "a file's content is blamed on something else");
  fuzz::require(status == LAMELLA_OK || *lamella_last_error() != '\0',
                "an error without a message");
  return Model(model);
}

/// Of two samples, as bits.
std::vector<double> predictions(const lamella_model* model) {
  const auto inputs = static_cast<std::size_t>(lamella_model_inputs(model));
  const auto classes = static_cast<std::size_t>(lamella_model_classes(model));
  std::vector<double> x(2 * inputs), probabilities(2 * classes, -1);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i % 7) - 3;
  fuzz::require(lamella_model_predict_f64(model, x.data(), 2, probabilities.data()) == LAMELLA_OK,
                "a model that loads does not predict");
  for (const double p : probabilities)  // weights that are huge give NaN
    fuzz::require(std::isnan(p) || (p >= 0 && p <= 1), "a probability is outside of [0, 1]");
  return probabilities;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::ScratchDirectory scratch;
  const fuzz::MemoryFile file(fuzz::safetensors_file({data, size}));
  const Model model = load(file.path());
  if (model == nullptr) return 0;
  fuzz::accepted();
  const std::ptrdiff_t classes = lamella_model_classes(model.get());
  fuzz::require(lamella_model_inputs(model.get()) >= 1 && classes >= 1, "a model without a size");
  for (std::ptrdiff_t k = 0; k < classes; ++k)
    fuzz::require(lamella_model_class_name(model.get(), k) != nullptr, "a class without a name");
  fuzz::require(lamella_model_class_name(model.get(), classes) == nullptr, "one class too many");

  const std::string copy = scratch.path() / "copy.safetensors";
  fuzz::require(lamella_model_save(model.get(), copy.c_str()) == LAMELLA_OK,
                "a model that loads cannot be saved");
  const Model again = load(copy);
  fuzz::require(again != nullptr, "a model that was saved does not load");
  const std::vector<double> first = predictions(model.get()), second = predictions(again.get());
  fuzz::require(first.size() == second.size(), "a saved model has other classes");
  for (std::size_t i = 0; i < first.size(); ++i)
    fuzz::require(first[i] == second[i] || (std::isnan(first[i]) && std::isnan(second[i])),
                  "a saved model predicts something else");
  return 0;
}
