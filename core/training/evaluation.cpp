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
#include "core/base/sizes.h"
#include "core/data/gather.h"

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

template <class T>
BatchResult evaluate_dataset(const Network<T>& network, const Dataset& data,
                             const Preprocessing& preprocessing,
                             std::span<std::int32_t> predictions) {
  // Samples in columns, as the network keeps them: its kernels read them without repacking.
  const index_t ld = leading_dimension<T>(std::min(data.samples(), kChunkSamples));
  AlignedArray<T> storage(checked_product(data.features(), ld));
  const Gatherer<T> gatherer(network.backend(), preprocessing, data.features());
  BatchResult total;
  for_each_chunk_of_indices(data.samples(), [&](std::span<const std::int32_t> indices) {
    const auto first = static_cast<std::size_t>(indices.front());
    const auto n = static_cast<index_t>(indices.size());
    const View<T> x{storage.data(), n, data.features(), 1, ld};
    gatherer.gather(data.values(), indices, x);
    const BatchResult part = network.evaluate(
        x, data.labels().subspan(first, indices.size()),
        predictions.empty() ? predictions : predictions.subspan(first, indices.size()));
    total.loss_sum += part.loss_sum;
    total.weight_sum += part.weight_sum;
    total.correct += part.correct;
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
                    const Preprocessing& preprocessing) {
  check_fits("evaluate", "given", network.spec(), data, preprocessing);
  std::vector<std::int32_t> predictions(static_cast<std::size_t>(data.samples()));
  const BatchResult result =
      evaluate_dataset(network, data, preprocessing, std::span<std::int32_t>(predictions));
  Evaluation evaluation =
      classification_metrics(data.labels(), predictions, network.spec().classes);
  evaluation.log_loss = result.loss_sum / result.weight_sum;
  return evaluation;
}

template Evaluation evaluate(const Network<float>&, const Dataset&, const Preprocessing&);
template Evaluation evaluate(const Network<double>&, const Dataset&, const Preprocessing&);

}  // namespace lamella
