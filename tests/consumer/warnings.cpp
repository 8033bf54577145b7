// Options and operands as users write them, by the names of those that they need. Compiled only:
// compilers warn of a member that is left out, unless the header gives it a value.
#include <cstdint>
#include <memory>
#include <utility>

#include <lamella/augmentation.h>
#include <lamella/backend_selection.h>
#include <lamella/cblas.h>
#include <lamella/chunks.h>
#include <lamella/data_checks.h>
#include <lamella/generators.h>
#include <lamella/lamella.h>
#include <lamella/matrix.h>
#include <lamella/metrics.h>
#include <lamella/model_file.h>
#include <lamella/network.h>
#include <lamella/plugin.h>
#include <lamella/profile.h>
#include <lamella/readers.h>
#include <lamella/trainer.h>
#include <lamella/version.h>

namespace lamella {

using View2 = View<float>;
using Vector = VectorView<float>;
using Numbers = VectorView<std::int32_t>;

void kernels(const Backend& backend, View2 m, Vector v, Numbers labels) {
  backend.run(FusedGemm<float>{.gemm = {.a = m, .b = m, .c = m}});
  backend.run(FusedGemm<float>{.gemm = {.a = m, .b = m, .c = m}, .epilogue = {.bias = v}});
  backend.run(SoftmaxNll<float>{.logits = m, .labels = labels, .gradient = m, .losses = v});
  backend.run(ScaleShiftBackward<float>{.x = m, .d = m, .scale_gradient = v, .shift_gradient = v});
  backend.run(SgdUpdate<float>{.learning_rate = 1, .gradient = m, .weights = m});
}

Model model(const Dataset& data) {
  Network<float> network({.inputs = 2, .classes = 2}, make_backend({.threads = 1}));
  network = Network<float>({.inputs = 2, .hidden = {3}, .classes = 2}, make_backend({.isa = ""}));
  train(network, data, nullptr, {.scale = {1.0}}, {.batch_size = 1},
        {.on_epoch = [](const EpochReport&) {}});
  return {.network = std::move(network), .info = {.class_names = {"no", "yes"}}};
}

CsvOptions csv(bool semicolon) {
  if (semicolon) return {.delimiter = ';', .columns = {.label = "kind"}};
  return {.label_column = "kind"};
}

Dropout dropout() { return {.probability = 0.5}; }

}  // namespace lamella
