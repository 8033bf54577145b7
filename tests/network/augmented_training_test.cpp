// Training on augmented samples: the written-out loop, and nothing changed where nothing is asked.
#include <numeric>

#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/trainer.h>

#include "core/base/random.h"
#include "core/training/augment.h"
#include "tests/catch.h"
#include "tests/network/fixtures.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

// Images of 6 x 5 bytes; the class is the half that is brighter.
Dataset images(index_t samples) {
  Uniform uniform(1);
  std::vector<std::uint8_t> values;
  std::vector<std::int32_t> labels;
  for (index_t s = 0; s < samples; ++s) {
    labels.push_back(uniform.below(2));
    for (index_t pixel = 0; pixel < 30; ++pixel)
      values.push_back(static_cast<std::uint8_t>(uniform.below(100) +
                                                 ((pixel < 15) == (labels.back() == 0) ? 150 : 0)));
  }
  return Dataset(values, {6, 5}, labels);
}

const NetworkSpec kSpec{30, {8}, 2, {ActivationKind::tanh}};
const Preprocessing kScale{{}, {1.0 / 255}};

TrainOptions options(const Augmentation& augmentation, index_t batch_size = 10) {
  TrainOptions o;
  o.epochs = 3;
  o.batch_size = batch_size;
  o.seed = 99;
  o.augmentation = augmentation;
  return o;
}

TEST_CASE("an epoch of augmented samples is the written-out loop", "[trainer][augment]") {
  const Dataset data = images(43);
  for (const auto& backend : test_backends())
    for (const Augmentation& augmentation :
         {Augmentation{.shift = 1}, Augmentation{.flip = true, .rotation = 15},
          Augmentation{.noise = 0.2}, Augmentation{.shift = 2, .flip = true, .noise = 0.1},
          Augmentation{
              .shift = 1, .flip = true, .rotation = 20, .scale = 0.2, .shear = 10, .cut_out = 2}}) {
      INFO(backend->info().name << ", shift " << augmentation.shift);
      Network<double> trained(kSpec, backend, 1);
      const auto reports = train(trained, data, nullptr, kScale, options(augmentation));

      Network<double> written(kSpec, backend, 1);
      std::vector<std::int32_t> order(43);
      for (std::uint32_t epoch = 1; epoch <= 3; ++epoch) {
        shuffled_indices(order, 99, epoch);
        double loss = 0;
        for (index_t first = 0; first < 43; first += 10) {
          const index_t n = std::min<index_t>(10, 43 - first);
          const auto samples = std::span<const std::int32_t>(order).subspan(
              static_cast<std::size_t>(first), static_cast<std::size_t>(n));
          const View<double> x = written.batch_input(n);
          std::vector<std::int32_t> labels;
          for (index_t s = 0; s < n; ++s) {
            const std::int32_t sample = samples[static_cast<std::size_t>(s)];
            labels.push_back(data.labels()[static_cast<std::size_t>(sample)]);
            std::vector<std::uint8_t> image, changed(30);
            for (index_t j = 0; j < 30; ++j)
              image.push_back(static_cast<std::uint8_t>(data.value(sample, j)));
            move_image({6, 5, 1}, draw_move(augmentation, 99, epoch, sample, {6, 5, 1}),
                       image.data(), changed.data());
            for (index_t j = 0; j < 30; ++j)
              x(s, j) = changed[static_cast<std::size_t>(j)] * (1.0 / 255);
          }
          if (augmentation.noise != 0) add_noise(augmentation.noise, 99, epoch, samples, x);
          loss += written.train_batch(labels, {}, SgdOptions{}).loss_sum;
        }
        CHECK(reports[epoch - 1].train_loss == Approx(loss / 43).epsilon(1e-12));
      }
      CHECK(parameters_of(trained) == parameters_of(written));
    }
}

TEST_CASE("every change changes the training, and its absence nothing", "[trainer][augment]") {
  const Dataset data = images(43);
  const auto& backend = test_backends().front();
  const auto trained = [&](const TrainOptions& o) {
    Network<float> network(kSpec, backend, 1);
    train(network, data, nullptr, kScale, o);
    return parameters_of(network);
  };
  TrainOptions plain;
  plain.epochs = 3;
  plain.batch_size = 10;
  plain.seed = 99;
  const auto without = trained(plain);
  // A shape alone asks for nothing.
  CHECK(trained(options({.image_shape = {5, 6}})) == without);
  for (const Augmentation& augmentation :
       {Augmentation{.shift = 1}, Augmentation{.flip = true}, Augmentation{.rotation = 10},
        Augmentation{.noise = 0.1}}) {
    const auto with = trained(options(augmentation));
    CHECK(with != without);
    CHECK(with == trained(options(augmentation)));
  }
  // The shape decides where pixels are.
  CHECK(trained(options({.shift = 1, .image_shape = {5, 6}})) != trained(options({.shift = 1})));
}

TEST_CASE("train refuses to move the pixels of what is no image", "[trainer][augment]") {
  const Dataset moons = make_moons(20, 0.1, 1);
  Network<float> network({2, {4}, 2}, test_backends().front(), 1);
  const auto before = parameters_of(network);
  CHECK_THROWS_AS(train(network, moons, nullptr, {}, options({.flip = true})), ArgumentError);
  CHECK_THROWS_WITH(train(network, moons, nullptr, {}, options({.flip = true})),
                    ContainsSubstring("changes other than noise need images"));
  CHECK(parameters_of(network) == before);
  CHECK_NOTHROW(train(network, moons, nullptr, {}, options({.noise = 0.1})));
}

}  // namespace
}  // namespace lamella::test
