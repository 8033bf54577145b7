// Single calls of a network, without data set and trainer around them: predictions of one sample
// and of many, online learning, and steps of a network so small that only overheads count.
//
// With one sample, weights are used once: what bounds the call is reading them, and, for a step,
// writing them too. With many it is multiply-adds.
#include <memory>
#include <string>
#include <vector>

#include <lamella/network.h>

#include "bench/suite/benchmarks.h"
#include "bench/workloads/products.h"

namespace lamella::bench {
namespace {

std::string text(const std::vector<index_t>& widths, index_t samples) {
  std::string name = std::to_string(widths.front());
  for (std::size_t l = 1; l < widths.size(); ++l) name += '-' + std::to_string(widths[l]);
  return name + "_b" + std::to_string(samples);
}

template <class T>
Network<T> network_of(const std::vector<index_t>& widths, const BackendUnderTest& subject) {
  return {{widths.front(),
           {widths.begin() + 1, widths.end() - 1},
           widths.back(),
           {ActivationKind::relu}},
          subject.backend};
}

/// Elements of all weight matrices, and of all but the first.
double weights(const std::vector<index_t>& widths, std::size_t first_layer = 1) {
  double elements = 0;
  for (std::size_t l = first_layer; l < widths.size(); ++l)
    elements += static_cast<double>(widths[l]) * static_cast<double>(widths[l - 1]);
  return elements;
}

template <class T>
void register_predict(const BackendUnderTest& subject, const std::vector<index_t>& widths,
                      index_t samples) {
  register_benchmark(
      benchmark_name("predict", type_name<T>, subject, "row_major", text(widths, samples)),
      [=](Run& run) {
        const Network<T> network = network_of<T>(widths, subject);
        Matrix<T> x(samples, widths.front());
        Matrix<T> probabilities(samples, widths.back());
        fill(x.data(), x.size());
        const auto n = static_cast<double>(samples);
        const double bytes = sizeof(T) * (weights(widths) + n * static_cast<double>(x.cols()));
        const Work work{2 * n * weights(widths), bytes, bytes};
        run_kernel(run, subject, samples == 1 ? PeakKind::read : fma_peak<T>, work,
                   [&] { network.predict(x.view(), probabilities.view()); });
        run.state.SetItemsProcessed(static_cast<std::int64_t>(run.state.iterations()) * samples);
      });
}

template <class T>
void register_step(const BackendUnderTest& subject, const std::vector<index_t>& widths,
                   index_t samples) {
  register_benchmark(
      benchmark_name("step", type_name<T>, subject, "col_major", text(widths, samples)),
      [=](Run& run) {
        Network<T> network = network_of<T>(widths, subject);
        const View<T> x = network.batch_input(samples);
        std::vector<std::int32_t> labels;
        for (index_t s = 0; s < samples; ++s) {
          labels.push_back(static_cast<std::int32_t>(s % widths.back()));
          for (index_t j = 0; j < x.cols; ++j)
            x(s, j) = static_cast<T>((s * 31 + j * 17) % 64) / 64;
        }
        const Optimizer optimizer = SgdOptions{.learning_rate = 1e-3};
        const auto n = static_cast<double>(samples);
        // Weights are read forward, all but the first layer's backward, and updated in place.
        const double bytes = sizeof(T) * (3 * weights(widths) + weights(widths, 2));
        const Work work{n * training_flops(widths), bytes, sizeof(T) * weights(widths)};
        run_kernel(run, subject, samples == 1 ? PeakKind::scale : fma_peak<T>, work,
                   [&] { network.train_batch(labels, {}, optimizer); });
        run.state.SetItemsProcessed(static_cast<std::int64_t>(run.state.iterations()) * samples);
      });
}

template <class T>
void register_type(const BackendUnderTest& subject) {
  for (const index_t samples : {1, 1000}) {
    register_predict<T>(subject, {784, 128, 10}, samples);
    register_predict<T>(subject, {784, 512, 256, 10}, samples);
  }
  register_step<T>(subject, {784, 128, 10}, 1);
  register_step<T>(subject, {784, 512, 256, 10}, 1);
  register_step<T>(subject, {784, 32, 10}, 32);
  register_step<T>(subject, {2, 10, 2}, 1);
  register_step<T>(subject, {2, 10, 2}, 32);
  register_step<T>(subject, {2, 10, 2}, 1000);
}

}  // namespace

void register_network_calls(const BackendUnderTest& subject) {
  register_type<float>(subject);
  register_type<double>(subject);
}

}  // namespace lamella::bench
