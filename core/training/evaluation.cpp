// Evaluation of a network on a data set: gather a chunk, run it, sum up.
#include "core/training/evaluation.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <lamella/chunks.h>
#include <lamella/error.h>
#include <lamella/matrix.h>
#include <lamella/metrics.h>

#include "core/base/format.h"
#include "core/training/probability_metrics.h"

namespace lamella {
namespace detail {

void check_fits(std::string_view where, std::string_view name, const NetworkSpec& spec,
                const Dataset& data, const Preprocessing& preprocessing) {
  if (data.samples() == 0)
    throw ArgumentError(formatted("{}: the {} data have no samples", where, name));
  if (data.samples() > std::numeric_limits<std::int32_t>::max())
    throw ArgumentError(formatted("{}: the {} data have {} samples; at most {} can be addressed",
                                  where, name, data.samples(),
                                  std::numeric_limits<std::int32_t>::max()));
  if (!data.labelled())
    throw ArgumentError(formatted("{}: the {} data have no labels", where, name));
  if (data.features() != spec.inputs)
    throw ArgumentError(formatted("{}: the {} data have {} features but the network has {} inputs",
                                  where, name, data.features(), spec.inputs));
  if (data.classes() > spec.classes)
    throw ArgumentError(formatted("{}: the {} data have {} classes but the network only has {}",
                                  where, name, data.classes(), spec.classes));
  check_preprocessing(where, preprocessing, data.features());
}

namespace {

// Adds the results of the chunk to `total`.
template <class T>
void evaluate_chunk(const Network<T>& network, const Dataset& data, ConstView<T> x,
                    std::span<const std::int32_t> indices, std::span<std::int32_t> predictions,
                    BatchResult& total) {
  const auto first = static_cast<std::size_t>(indices.front());
  const BatchResult part = network.evaluate(
      x, data.labels().subspan(first, indices.size()),
      predictions.empty() ? predictions : predictions.subspan(first, indices.size()));
  total.loss_sum += part.loss_sum;
  total.weight_sum += part.weight_sum;
  total.correct += part.correct;
}

}  // namespace

template <class T>
BatchResult evaluate_dataset(const Network<T>& network, const Dataset& data,
                             const Preprocessing& preprocessing,
                             std::span<std::int32_t> predictions) {
  BatchResult total;
  for_each_gathered_chunk(network, data, preprocessing,
                          [&](ConstView<T> x, std::span<const std::int32_t> indices) {
                            evaluate_chunk(network, data, x, indices, predictions, total);
                          });
  return total;
}

template BatchResult evaluate_dataset(const Network<float>&, const Dataset&, const Preprocessing&,
                                      std::span<std::int32_t>);
template BatchResult evaluate_dataset(const Network<double>&, const Dataset&, const Preprocessing&,
                                      std::span<std::int32_t>);

}  // namespace detail

using namespace detail;

template <class T>
Evaluation evaluate(const Network<T>& network, const Dataset& data,
                    const Preprocessing& preprocessing, index_t top_k, RankMetrics ranks) {
  constexpr std::string_view where = "evaluate";
  check_fits(where, "given", network.spec(), data, preprocessing);
  const index_t classes = network.spec().classes;
  std::vector<std::int32_t> predictions(static_cast<std::size_t>(data.samples()));
  ProbabilityFigures<T> figures(where, data.samples(), classes, top_k, ranks);
  Matrix<T> probabilities(std::min(data.samples(), kChunkSamples), classes);
  BatchResult total;
  for_each_gathered_chunk(
      network, data, preprocessing, [&](ConstView<T> x, std::span<const std::int32_t> indices) {
        // The loss comes from the logits: a probability may be too small for its logarithm.
        evaluate_chunk(network, data, x, indices, std::span<std::int32_t>(predictions), total);
        const View<T> p = block(probabilities.view(), 0, 0, x.rows, classes);
        network.predict(x, p);
        figures.add(
            data.labels().subspan(static_cast<std::size_t>(indices.front()), indices.size()), p);
      });
  Evaluation evaluation = classification_metrics(data.labels(), predictions, classes);
  evaluation.log_loss = total.loss_sum / total.weight_sum;
  evaluation.probabilities = figures.result();
  return evaluation;
}

template Evaluation evaluate(const Network<float>&, const Dataset&, const Preprocessing&, index_t,
                             RankMetrics);
template Evaluation evaluate(const Network<double>&, const Dataset&, const Preprocessing&, index_t,
                             RankMetrics);

}  // namespace lamella
