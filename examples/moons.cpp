// Trains a small network on generated data and saves it: the training interface on one page.
//
//   moons [MODEL.safetensors]
#include <exception>
#include <iostream>

#include <lamella/backend_selection.h>
#include <lamella/generators.h>
#include <lamella/metrics.h>
#include <lamella/model_file.h>
#include <lamella/network.h>
#include <lamella/trainer.h>

int main(int argc, char** argv) try {
  const lamella::Dataset train_data = lamella::make_moons(1000, /*noise=*/0.1, /*seed=*/1);
  const lamella::Dataset test_data = lamella::make_moons(500, 0.1, /*seed=*/2);
  const lamella::Preprocessing preprocessing = lamella::suggest_preprocessing(train_data);

  // The best backend of this machine, unless LAMELLA_BACKEND says otherwise.
  const auto backend = lamella::make_backend();
  lamella::NetworkSpec spec;
  spec.inputs = train_data.features();
  spec.hidden = {16};
  spec.classes = train_data.classes();
  lamella::Network<float> network(spec, backend, /*seed=*/1);

  lamella::TrainOptions options;
  options.epochs = 50;
  options.batch_size = 32;
  options.optimizer = lamella::SgdOptions{.learning_rate = 0.1, .momentum = 0.9};
  lamella::TrainCallbacks callbacks;
  callbacks.on_epoch = [](const lamella::EpochReport& report) {
    if (report.epoch % 10 == 0)
      std::cout << "epoch " << report.epoch << ": loss " << report.train_loss << ", test accuracy "
                << *report.test_accuracy << '\n';
  };
  lamella::train(network, train_data, &test_data, preprocessing, options, callbacks);

  const lamella::Evaluation result = lamella::evaluate(network, test_data, preprocessing);
  std::cout << "accuracy " << result.accuracy << " with the " << backend->info().name
            << " backend\n";
  if (argc > 1)
    lamella::save_model(argv[1], network,
                        {train_data.class_names(), train_data.sample_shape(), preprocessing});
} catch (const std::exception& error) {
  std::cerr << "moons: " << error.what() << '\n';
  return 1;
}
