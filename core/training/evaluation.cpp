// Evaluation of a network on a data set: gather a chunk, run it, sum up.
#include "core/training/evaluation.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include <lamella/error.h>
#include <lamella/metrics.h>

#include "core/base/format.h"
#include "core/base/sizes.h"
#include "core/data/gather.h"

namespace lamella {
namespace {

// Samples gathered at a time: as many as the network passes through at once (network.cpp).
constexpr index_t kChunk = 256;

void check_entries(std::string_view where, std::string_view name, const std::vector<double>& values,
                   index_t features) {
  const auto count = static_cast<index_t>(values.size());
  if (count > 1 && count != features)
    throw ArgumentError(formatted(
        "{}: the preprocessing has {} values of {} but the data have {} features; it needs none, 1 "
        "or {}",
        where, count, name, features, features));
}

}  // namespace

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
  check_entries(where, "offset", preprocessing.offset, data.features());
  check_entries(where, "scale", preprocessing.scale, data.features());
}

template <class T>
BatchResult evaluate_dataset(const Network<T>& network, const Dataset& data,
                             const Preprocessing& preprocessing,
                             std::span<std::int32_t> predictions) {
  const index_t samples = data.samples();
  const index_t longest = std::min(samples, kChunk);
  // Samples in columns, as the network keeps them: its kernels read them without repacking.
  const index_t ld = leading_dimension<T>(longest);
  AlignedArray<T> storage(checked_product(data.features(), ld));
  std::vector<std::int32_t> indices(static_cast<std::size_t>(longest));
  const Gatherer<T> gatherer(network.backend(), preprocessing, data.features());
  BatchResult total;
  for (index_t first = 0; first < samples; first += kChunk) {
    const index_t n = std::min(kChunk, samples - first);
    const auto begin = static_cast<std::size_t>(first);
    const auto count = static_cast<std::size_t>(n);
    const std::span<std::int32_t> chosen(indices.data(), count);
    std::iota(chosen.begin(), chosen.end(), static_cast<std::int32_t>(first));
    const View<T> x{storage.data(), n, data.features(), 1, ld};
    gatherer.gather(data.values(), chosen, x);
    const BatchResult part =
        network.evaluate(x, data.labels().subspan(begin, count),
                         predictions.empty() ? predictions : predictions.subspan(begin, count));
    total.loss_sum += part.loss_sum;
    total.weight_sum += part.weight_sum;
    total.correct += part.correct;
  }
  return total;
}

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

#define LAMELLA_INSTANTIATE(T)                                                                   \
  template BatchResult evaluate_dataset(const Network<T>&, const Dataset&, const Preprocessing&, \
                                        std::span<std::int32_t>);                                \
  template Evaluation evaluate(const Network<T>&, const Dataset&, const Preprocessing&);
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)
#undef LAMELLA_INSTANTIATE

}  // namespace lamella
